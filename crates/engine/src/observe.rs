//! What the cloud holds, all kinds at once and in bulk.

use std::{
    collections::{BTreeMap, BTreeSet, btree_map::Entry},
    time::{Duration, Instant},
};

use futures::future::join_all;
use infra_provider_api::{Address, CloudError, Context, Observed, RetryPolicy};

use super::Kinds;

/// How to observe.
#[derive(Clone, Debug, Default)]
pub struct ObserveOptions {
    /// Kinds that may be out of reach without blocking a plan: what lives in a cluster whose API
    /// server is not up (yet). The plan then goes by the state for them.
    pub optional: BTreeSet<String>,
}

/// What the cloud holds.
#[derive(Clone, Debug, Default)]
pub struct Observations {
    /// By address. More than one at an address is a fault that planning reports.
    pub resources: BTreeMap<Address, Vec<Observed>>,
    /// Optional kinds that could not be reached.
    pub unreachable: BTreeMap<String, CloudError>,
    /// Kinds that were not listed, because their resources go with what they are in.
    pub unseen: BTreeSet<String>,
    /// Resources that the state knows by their ids, that exist, and whose ownership tag is missing.
    pub untagged: BTreeSet<Address>,
    /// Resources that the state knows by their ids and that carry another cluster's ownership tag,
    /// with that cluster.
    pub foreign: BTreeMap<Address, String>,
}

/// Kinds that could not be listed.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}", failures.iter().map(|(kind, error)| format!("can't see what exists of kind {kind}: {error}")).collect::<Vec<_>>().join("\n"))]
pub struct ObserveError {
    /// Each kind with its error; at least one.
    pub failures: Vec<(String, CloudError)>,
}

impl Observations {
    /// Makes observations from `resources`, for tests and callers that already know what exists.
    pub fn from_resources(resources: impl IntoIterator<Item = Observed>) -> Self {
        let mut found = Self::default();
        found.extend(resources);
        found
    }

    /// Iterates over all resources.
    pub fn iter(&self) -> impl Iterator<Item = &Observed> {
        self.resources.values().flatten()
    }

    /// Returns the resource at `address`; the first, if there are several.
    pub fn get(&self, address: &Address) -> Option<&Observed> {
        self.resources.get(address).and_then(|found| found.first())
    }

    fn extend(&mut self, resources: impl IntoIterator<Item = Observed>) {
        for observed in resources {
            self.add(observed);
        }
    }

    /// Adds one resource.
    pub(super) fn add(&mut self, observed: Observed) {
        match self.resources.entry(observed.address.clone()) {
            // One, as a rule: room for it alone.
            Entry::Vacant(place) => drop(place.insert(vec![observed])),
            Entry::Occupied(mut place) => place.get_mut().push(observed),
        }
    }
}

/// A list that fails sooner than this was not tried again by the kind itself.
const AT_ONCE: Duration = Duration::from_secs(5);

/// Makes a call without an effect, and makes it again a few times where the kind gave up at once.
pub(super) async fn patiently<T, F, Fut>(cx: &Context, call: F) -> Result<T, CloudError>
where
    F: Fn() -> Fut,
    Fut: Future<Output = Result<T, CloudError>>,
{
    let began = Instant::now();
    let mut attempt = 0;
    loop {
        attempt += 1;
        let error = match call().await {
            Ok(all) => return Ok(all),
            Err(error) => error,
        };
        let passes = error.is_transient() || error.is_uncertain();
        if !passes || began.elapsed() > AT_ONCE || attempt == RetryPolicy::READ.attempts_max {
            return Err(error);
        }
        tokio::select! {
            () = tokio::time::sleep(RetryPolicy::READ.pause(&error, attempt)) => {}
            () = cx.stop.cancelled() => return Err(error),
        }
    }
}

/// Lists what the owner has of every kind, all at the same time.
///
/// # Errors
/// Returns the kinds that could not be listed, but for those that `options` calls optional.
pub async fn observe(
    kinds: &Kinds,
    cx: &Context,
    options: &ObserveOptions,
) -> Result<Observations, ObserveError> {
    let lists = kinds
        .iter()
        .map(|kind| async move { (kind.name(), patiently(cx, || kind.list_owned(cx)).await) });
    let mut found = Observations::default();
    let mut failures = Vec::new();
    for (name, listed) in join_all(lists).await {
        match listed {
            Ok(resources) => found.extend(resources),
            Err(error) if options.optional.contains(name) => {
                found.unreachable.insert(name.to_owned(), error);
            }
            Err(error) => failures.push((name.to_owned(), error)),
        }
    }
    if failures.is_empty() { Ok(found) } else { Err(ObserveError { failures }) }
}
