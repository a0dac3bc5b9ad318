//! Gate: which operations may run side by side. GKE runs one on a whole cluster, or one on each of some pools,
//! and refuses any other. A run that keeps to that is refused for what others do only.

use google_cloud_container_v1::model::Operation;
use infra_provider_api::{CloudError, Context};
use tokio::sync::{Mutex, MutexGuard};

use super::{ClusterPath, Container, PoolPath, calls::Effect, describe};

/// So many pools are changed at once. GKE takes one operation more.
const POOLS_MAX: usize = 4;

/// What an operation is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A cluster as a whole.
    Cluster(ClusterPath),
    /// One pool of it.
    Pool(PoolPath),
}

impl Target {
    /// Returns the cluster.
    pub(crate) fn cluster(&self) -> &ClusterPath {
        match self {
            Self::Cluster(path) => path,
            Self::Pool(path) => &path.cluster,
        }
    }

    /// Reports whether an operation on one keeps another from one on the other.
    fn is_in_the_way_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Pool(one), Self::Pool(other)) => one == other,
            (one, other) => one.cluster() == other.cluster(),
        }
    }
}

/// An operation that this run began.
struct Begun {
    target: Target,
    /// Its path.
    name: String,
}

/// The operations that this run began and that may still run.
#[derive(Default)]
pub(crate) struct Gate(Mutex<Vec<Begun>>);

/// The turn of one call. No other begins while it is held.
pub(super) struct Turn<'a>(MutexGuard<'a, Vec<Begun>>);

impl Turn<'_> {
    /// Notes that GKE began an operation.
    pub(super) fn began(&mut self, target: &Target, operation: &Operation) {
        let name = super::operations::path(target.cluster(), operation);
        self.0.push(Begun { target: target.clone(), name });
    }
}

/// Returns the places of those that keep a call on `target` back.
fn in_the_way(begun: &[Begun], target: &Target) -> Vec<usize> {
    let all = begun.iter().enumerate();
    let direct: Vec<usize> = all
        .filter(|(_, one)| one.target.is_in_the_way_of(target))
        .map(|(place, _)| place)
        .collect();
    if !direct.is_empty() {
        return direct;
    }
    let same = |one: &Begun| one.target.cluster() == target.cluster();
    let pools: Vec<usize> =
        begun.iter().enumerate().filter(|(_, one)| same(one)).map(|(place, _)| place).collect();
    if pools.len() >= POOLS_MAX { pools } else { Vec::new() }
}

impl Container {
    /// Waits until nothing that this run began keeps a call back.
    pub(super) async fn turn<'a>(
        &'a self,
        cx: &Context,
        effect: &Effect<'_>,
    ) -> Result<Turn<'a>, CloudError> {
        let mut look = 0;
        loop {
            let mut begun = self.gate.0.lock().await;
            let mut running = None;
            // From the last: what is removed moves only what was looked at.
            for place in in_the_way(&begun, &effect.target).into_iter().rev() {
                match self.under_way(cx, effect.operation, &begun[place].name).await? {
                    Some(operation) => running = Some(operation),
                    None => drop(begun.remove(place)),
                }
            }
            let Some(running) = running.filter(|_| !in_the_way(&begun, &effect.target).is_empty())
            else {
                return Ok(Turn(begun));
            };
            drop(begun);
            let reason = format!("waiting for its turn: GKE is at {}", describe(&running));
            self.pause(cx, effect.address, effect.operation, &reason, look).await?;
            look += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cluster() -> ClusterPath {
        ClusterPath::parse("projects/p/locations/l/clusters/c").unwrap()
    }

    fn begun(targets: &[Target]) -> Vec<Begun> {
        let one = |target: &Target| Begun { target: target.clone(), name: String::new() };
        targets.iter().map(one).collect()
    }

    #[test]
    fn a_cluster_is_changed_alone_and_pools_side_by_side() {
        let pool = |name: &str| Target::Pool(cluster().pool(name));
        let whole = Target::Cluster(cluster());
        let other = ClusterPath { name: "other".to_owned(), ..cluster() };
        assert!(in_the_way(&[], &whole).is_empty());
        assert_eq!(in_the_way(&begun(&[pool("a"), pool("b")]), &whole), [0, 1]);
        assert_eq!(in_the_way(&begun(std::slice::from_ref(&whole)), &pool("a")), [0]);
        assert!(in_the_way(&begun(&[whole]), &Target::Cluster(other)).is_empty());
        assert_eq!(in_the_way(&begun(&[pool("a"), pool("b")]), &pool("b")), [1]);
        let three = ["a", "b", "c"].map(pool);
        assert!(in_the_way(&begun(&three), &pool("d")).is_empty());
        let four = ["a", "b", "c", "d"].map(pool);
        assert_eq!(in_the_way(&begun(&four), &pool("e")), [0, 1, 2, 3]);
    }
}
