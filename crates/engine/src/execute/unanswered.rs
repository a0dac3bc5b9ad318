//! Looking for what a create may have made that got no answer.

use std::{collections::HashMap, time::Duration};

use infra_provider_api::{Address, CloudError, Context, ErrorKind, Kind, Observed};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// What is looked for.
#[derive(Clone, Debug)]
pub(crate) struct LostCreate {
    pub address: Address,
    /// The key the create carried.
    pub key: String,
    /// The one that was there before, which is not it.
    pub not: Option<String>,
}

/// Why the search ended without a result.
#[derive(Debug)]
pub(crate) enum LookupError {
    Cloud(CloudError),
    Ambiguous { address: Address, ids: Vec<String> },
    Stopped,
}

/// First pause between two looks; doubled up to [`LOOK_MAX`].
const LOOK_FIRST: Duration = Duration::from_millis(200);
const LOOK_MAX: Duration = Duration::from_secs(3);
/// How long a list may fail after the grace period before the search gives up.
const BLIND_MAX: Duration = Duration::from_secs(120);

/// Lists the kind until all are found or `grace` is over. A resource that is not in the result was
/// surely not made: a list that came after the grace period proves it.
pub(crate) async fn look_for(
    kind: &dyn Kind,
    cx: &Context,
    stop: &CancellationToken,
    sought: &[LostCreate],
    grace: Duration,
) -> Result<HashMap<Address, Observed>, LookupError> {
    let started = Instant::now();
    let mut pause = LOOK_FIRST;
    loop {
        let over = started.elapsed() >= grace;
        let listed = tokio::select! {
            listed = kind.list_owned(cx) => listed,
            () = cx.stop.cancelled() => return Err(LookupError::Stopped),
        };
        match listed {
            Ok(all) => {
                let found = matches(&all, sought)?;
                if over || found.len() == sought.len() {
                    return Ok(found);
                }
            }
            Err(error) if error.kind == ErrorKind::Cancelled => return Err(LookupError::Stopped),
            Err(error) => {
                let passes = error.is_transient() || error.is_uncertain();
                if !passes || started.elapsed() >= grace + BLIND_MAX {
                    return Err(LookupError::Cloud(error));
                }
                pause = pause.max(error.retry_after.unwrap_or_default());
            }
        }
        let left = grace.saturating_sub(started.elapsed());
        let next = if left.is_zero() { pause } else { pause.min(left) };
        tokio::select! {
            () = tokio::time::sleep(next) => {}
            () = stop.cancelled() => return Err(LookupError::Stopped),
            () = cx.stop.cancelled() => return Err(LookupError::Stopped),
        }
        pause = (pause * 2).min(LOOK_MAX);
    }
}

fn matches(
    all: &[Observed],
    sought: &[LostCreate],
) -> Result<HashMap<Address, Observed>, LookupError> {
    let mut by_address: HashMap<&Address, Vec<&Observed>> = HashMap::new();
    for observed in all {
        by_address.entry(&observed.address).or_default().push(observed);
    }
    let mut found = HashMap::new();
    for sought in sought {
        let mut candidates = by_address.remove(&sought.address).unwrap_or_default();
        // A cloud that keeps keys tells ours from an older one; where it keeps none, the address
        // must do.
        candidates.retain(|observed| {
            sought.not.as_ref() != Some(&observed.id)
                && observed.intent_key.as_ref().is_none_or(|key| *key == sought.key)
        });
        match candidates.as_slice() {
            [] => {}
            [one] => {
                found.insert(sought.address.clone(), (*one).clone());
            }
            several => {
                let ids = several.iter().map(|observed| observed.id.clone()).collect();
                return Err(LookupError::Ambiguous { address: sought.address.clone(), ids });
            }
        }
    }
    Ok(found)
}
