//! Resolving what an earlier run began and did not see to its end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use infra_provider_api::{Address, CloudError, Context, Kind, KnownResource, Presence};
use infra_state::{IntentAction, OpenIntent, State, Store, StoreError, journal::Entry};
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::{
    Kinds,
    confirm::read,
    events::{Event, Events},
    execute::{LookupError, LostCreate, look_for},
};

/// How to recover.
#[derive(Clone, Debug)]
pub struct RecoverOptions {
    /// How long after its announcement a create is looked for: a list right after an unanswered
    /// create may lag behind.
    pub grace: Duration,
    /// Kinds that may be out of reach; their intents then stay open, and the next create carries
    /// the same key.
    pub optional: BTreeSet<String>,
    /// Kinds that were out of reach a moment ago: they are not asked again, since each call to an API
    /// server that does not answer is repeated for a minute.
    pub unreachable: BTreeSet<String>,
    /// Cancelled by the first Ctrl-C.
    pub stop: CancellationToken,
}

impl Default for RecoverOptions {
    fn default() -> Self {
        Self {
            grace: Duration::from_secs(20),
            optional: BTreeSet::new(),
            unreachable: BTreeSet::new(),
            stop: CancellationToken::new(),
        }
    }
}

/// What was found of open intents.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Creates that had their effect.
    pub found: Vec<Address>,
    /// Deletes that had their effect.
    pub gone: Vec<Address>,
    /// Calls that had no effect, or whose effect the next plan sees by itself.
    pub closed: Vec<Address>,
    /// Intents of kinds that are out of reach.
    pub open: Vec<Address>,
}

/// Why open intents could not be resolved.
#[derive(Debug, thiserror::Error)]
pub enum RecoverError {
    /// The journal can't be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The kind can't be listed.
    #[error("can't look for what an earlier run began: {0}")]
    Cloud(#[from] CloudError),
    /// Two resources exist where one was to be created.
    #[error("{address} was created twice: {}", ids.join(", "))]
    Ambiguous {
        /// The address.
        address: Address,
        /// The cloud's ids.
        ids: Vec<String>,
    },
    /// The user asked to stop.
    #[error("stopped while looking for what an earlier run began")]
    Stopped,
}

/// Resolves every open intent by looking. It costs nothing where none is open, and a list for each
/// kind where some are. A create that is not found at once takes the rest of the grace period. The
/// lock must be held.
///
/// # Errors
/// Returns a [`RecoverError`].
pub async fn recover(
    kinds: &Kinds,
    cx: &Context,
    store: &Store,
    options: &RecoverOptions,
    events: &Events,
) -> Result<Recovered, RecoverError> {
    let record = store.state();
    let mut by_kind: BTreeMap<&str, Vec<(&Address, &OpenIntent)>> = BTreeMap::new();
    for (address, intent) in &record.intents {
        by_kind.entry(address.kind()).or_default().push((address, intent));
    }
    let mut recovered = Recovered::default();
    for (name, intents) in by_kind {
        let Some(kind) = kinds.get(name) else {
            recovered.open.extend(intents.iter().map(|(address, _)| (*address).clone()));
            continue;
        };
        let is_away = options.unreachable.contains(name);
        if is_away || options.optional.contains(name) && kind.list_owned(cx).await.is_err() {
            recovered.open.extend(intents.iter().map(|(address, _)| (*address).clone()));
            continue;
        }
        let text = format!("looking what became of {} calls for {name}", intents.len());
        events.send(Event::Note { text });
        let entries = look(kind, cx, &record, &intents, options, &mut recovered).await?;
        store.append(entries).await?;
    }
    Ok(recovered)
}

async fn look(
    kind: &Arc<dyn Kind>,
    cx: &Context,
    record: &State,
    intents: &[(&Address, &OpenIntent)],
    options: &RecoverOptions,
    recovered: &mut Recovered,
) -> Result<Vec<Entry>, RecoverError> {
    let mut entries = created(kind, cx, intents, options, recovered).await?;
    entries.extend(deleted(&**kind, cx, record, intents, recovered).await?);
    for (address, intent) in intents {
        if intent.action == IntentAction::Update {
            recovered.closed.push((*address).clone());
            entries.push(closed((*address).clone(), "the next plan compares it"));
        }
    }
    Ok(entries)
}

/// Finds out by their ids what became of deletes: a list that lacks them may lag behind their
/// creation.
async fn deleted(
    kind: &dyn Kind,
    cx: &Context,
    record: &State,
    intents: &[(&Address, &OpenIntent)],
    recovered: &mut Recovered,
) -> Result<Vec<Entry>, RecoverError> {
    let deletes: Vec<_> =
        intents.iter().filter(|(_, intent)| intent.action == IntentAction::Delete).collect();
    if deletes.is_empty() {
        return Ok(Vec::new());
    }
    let known = deletes.iter().map(|(address, intent)| {
        let recorded = record.resources.get(*address).filter(|one| one.id == intent.resource.id);
        KnownResource {
            address: (*address).clone(),
            id: intent.resource.id.clone(),
            spec: recorded.map_or_else(|| intent.resource.spec.clone(), |one| one.spec.clone()),
        }
    });
    let known: Vec<KnownResource> = known.collect();
    let answers = read(kind, cx, &known).await?;
    let mut entries = Vec::new();
    for (known, answer) in known.into_iter().zip(answers) {
        let KnownResource { address, id, .. } = known;
        if matches!(answer, Presence::Owned(_) | Presence::Untagged(_)) {
            recovered.closed.push(address.clone());
            entries.push(closed(address, "it still exists"));
        } else {
            recovered.gone.push(address.clone());
            entries.push(Entry::Deleted { address, id });
        }
    }
    Ok(entries)
}

async fn created(
    kind: &Arc<dyn Kind>,
    cx: &Context,
    intents: &[(&Address, &OpenIntent)],
    options: &RecoverOptions,
    recovered: &mut Recovered,
) -> Result<Vec<Entry>, RecoverError> {
    let creates: Vec<_> =
        intents.iter().filter(|(_, intent)| intent.action == IntentAction::Create).collect();
    let Some(latest) = creates.iter().map(|(_, intent)| intent.since).max() else {
        return Ok(Vec::new());
    };
    // A clock that went backwards must not make the wait longer than the grace period.
    let passed = Timestamp::now().duration_since(latest).unsigned_abs();
    let grace = options.grace.saturating_sub(passed);
    let sought: Vec<LostCreate> = creates
        .iter()
        .map(|(address, intent)| LostCreate {
            address: (*address).clone(),
            key: intent.key.clone().unwrap_or_default(),
            not: None,
        })
        .collect();
    let mut found = look_for(&**kind, cx, &options.stop, &sought, grace).await?;
    let mut entries = Vec::new();
    for (address, intent) in creates {
        let address = (*address).clone();
        match found.remove(&address) {
            Some(observed) => {
                recovered.found.push(address);
                entries.push(Entry::Found(intent.resource.clone().seen(&observed)));
            }
            None => {
                recovered.closed.push(address.clone());
                entries.push(closed(address, "nothing was created"));
            }
        }
    }
    Ok(entries)
}

fn closed(address: Address, reason: &str) -> Entry {
    Entry::Closed { address, reason: reason.to_owned() }
}

impl From<LookupError> for RecoverError {
    fn from(unclear: LookupError) -> Self {
        match unclear {
            LookupError::Cloud(error) => Self::Cloud(error),
            LookupError::Ambiguous { address, ids } => Self::Ambiguous { address, ids },
            LookupError::Stopped => Self::Stopped,
        }
    }
}
