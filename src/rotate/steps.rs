//! In which order nodes are replaced, and which ones together.

use infra_provider_api::{Cluster, Role};

use super::bounds::AtOnce;

/// Nodes that are replaced together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// What they are for.
    pub role: Role,
    /// Their slots.
    pub slots: Vec<String>,
    /// So many of them, the last ones, go before their successors come.
    pub in_place: usize,
}

impl Step {
    /// Returns the slots of those that go first.
    pub fn gone_first(&self) -> &[String] {
        &self.slots[self.slots.len() - self.in_place.min(self.slots.len())..]
    }
}

/// Returns the steps in which `slots` are replaced: control planes first, one at a time, and then the workers, pool by
/// pool, so many at once as `at_once` says of each pool. Slots that the cluster does not have are left out.
pub fn steps(cluster: &Cluster, slots: &[String], at_once: impl Fn(&str) -> AtOnce) -> Vec<Step> {
    let mut steps = Vec::new();
    for role in [Role::ControlPlane, Role::Worker] {
        for pool in cluster.pools.iter().filter(|pool| pool.role == role) {
            let of_pool: Vec<String> = pool
                .nodes
                .iter()
                .map(|node| node.slot.clone())
                .filter(|slot| slots.contains(slot))
                .collect();
            let bounds = match role {
                // etcd bears one at a time.
                Role::ControlPlane => AtOnce { surge: 1, unavailable: 0 },
                Role::Worker => at_once(&pool.name),
            };
            let step = |slots: &[String]| Step {
                role,
                slots: slots.to_vec(),
                in_place: bounds.unavailable.min(slots.len().saturating_sub(bounds.surge)),
            };
            steps.extend(of_pool.chunks(bounds.all().max(1)).map(step));
        }
    }
    steps
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use infra_test_utils::ClusterToml;

    use super::*;
    use crate::config;

    fn cluster(control_planes: usize, workers: usize) -> Cluster {
        let toml = ClusterToml::new("lab").control_planes(control_planes).workers(workers);
        let options = config::Options::default();
        config::read(Path::new("infra.toml"), &toml.to_string(), &options).unwrap().cluster
    }

    #[test]
    fn control_planes_go_first_and_alone() {
        let cluster = cluster(3, 5);
        let all: Vec<String> = cluster.nodes().iter().map(|(_, node)| node.slot.clone()).collect();
        let names = |surge, unavailable| -> Vec<String> {
            let steps = steps(&cluster, &all, |_| AtOnce { surge, unavailable });
            steps.iter().map(|step| format!("{} {}", step.slots.join(","), step.in_place)).collect()
        };
        let planes = ["control-plane-1 0", "control-plane-2 0", "control-plane-3 0"];
        assert_eq!(
            names(3, 0),
            [&planes[..], &["worker-1,worker-2,worker-3 0", "worker-4,worker-5 0"]].concat()
        );
        // Of a step that is not full, those that surge are served first.
        assert_eq!(
            names(2, 1),
            [&planes[..], &["worker-1,worker-2,worker-3 1", "worker-4,worker-5 0"]].concat()
        );
        assert_eq!(names(0, 4)[3..], ["worker-1,worker-2,worker-3,worker-4 4", "worker-5 1"]);
        let some = ["worker-2".to_owned(), "nobody".to_owned()];
        let one = steps(&cluster, &some, |_| AtOnce { surge: 1, unavailable: 0 });
        assert_eq!(one.len(), 1);
        assert!(one[0].gone_first().is_empty());
    }
}
