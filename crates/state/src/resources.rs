//! What the journal says exists: a cache of the cloud, and the open intents.

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use infra_provider_api::{Address, Declared, Observed, Phase, RawJson, Readiness};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::journal::Entry;

/// A resource as this tool last made, changed or found it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ResourceState {
    /// Its address.
    pub address: Address,
    /// The cloud's id; empty in the intent of a create.
    pub id: String,
    /// How often it has been created, from 1. Part of the idempotency key.
    pub generation: u64,
    /// The declared spec that was applied, references resolved. Secrets are digests.
    pub spec: RawJson,
    /// Its outputs, as last seen.
    #[serde(default)]
    pub outputs: RawJson,
    /// What it needed; orders its deletion when it is no longer declared.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Address>,
    /// The phase it belongs to.
    pub phase: Phase,
    /// Whether it was declared as protected.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub protect: bool,
    /// Whether it has been ready.
    #[serde(default)]
    pub ready: bool,
}

impl ResourceState {
    /// Makes the state of a declared resource, with its spec resolved, before it exists.
    pub fn planned(declared: &Declared, spec: RawJson, generation: u64) -> Self {
        Self {
            address: declared.address.clone(),
            id: String::new(),
            generation,
            spec,
            outputs: RawJson::default(),
            needs: declared.needs(),
            phase: declared.phase,
            protect: declared.protect,
            ready: false,
        }
    }

    /// Updates the state to what the cloud now has.
    #[must_use]
    pub fn seen(mut self, observed: &Observed) -> Self {
        self.spec = self.spec.known_by(&observed.spec);
        self.id.clone_from(&observed.id);
        self.outputs.clone_from(&observed.outputs);
        self.ready = observed.readiness == Readiness::Ready;
        self
    }
}

/// What an intent is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IntentAction {
    /// Create it.
    Create,
    /// Change it in place.
    Update,
    /// Delete it.
    Delete,
}

/// Something that was about to be done. Open until an entry tells how it ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenIntent {
    /// What was to be done.
    pub action: IntentAction,
    /// The idempotency key of a create.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// The resource as it shall be; for a delete, as it was.
    pub resource: ResourceState,
    /// When.
    pub since: Timestamp,
}

/// A file that is kept with the state: a certificate, a key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptFile {
    /// The object that holds it.
    pub object: String,
    /// SHA-256 of the object, in hex.
    pub sum: String,
    /// Whether the object is encrypted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub encrypted: bool,
    /// For whom it is encrypted: a sum over their public keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub readers: Option<String>,
    /// Permission bits of the file.
    pub mode: u32,
}

/// Everything the journal says. A cache: the cloud is the truth.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// Number of the last journal line; grows with each.
    pub serial: u64,
    /// Number of the last run.
    pub run: u64,
    /// What exists.
    pub resources: BTreeMap<Address, ResourceState>,
    /// What was begun and not seen to end.
    pub intents: BTreeMap<Address, OpenIntent>,
    /// How often each address has been created, also those that are gone.
    pub generations: BTreeMap<Address, u64>,
    /// Files that are kept with it, where it is not on this machine.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub files: BTreeMap<String, KeptFile>,
    /// Creates and deletes of the last minutes, oldest first: a list may not show them yet.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub recent: VecDeque<Recent>,
}

/// A create or delete of the last minutes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Recent {
    /// The address.
    pub address: Address,
    /// The cloud's id.
    pub id: String,
    /// When the journal learnt of it.
    pub at: Timestamp,
    /// Whether it was deleted, not created.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deleted: bool,
}

/// How long creates and deletes count as recent: longer than any list lags behind.
const RECENT: Duration = Duration::from_secs(600);

impl State {
    /// Returns the generation that the next create of `address` has. An open create keeps its
    /// generation, so that the repeated call carries the same key.
    pub fn next_generation(&self, address: &Address) -> u64 {
        match self.intents.get(address) {
            Some(intent) if intent.action == IntentAction::Create => intent.resource.generation,
            _ => self.generations.get(address).copied().unwrap_or(0) + 1,
        }
    }

    fn note_recent(&mut self, entry: &Entry, at: Timestamp) {
        let (address, id, deleted) = match entry {
            Entry::Created(resource) => (&resource.address, &resource.id, false),
            Entry::Deleted { address, id } => (address, id, true),
            _ => return,
        };
        let old = |one: &Recent| at.duration_since(one.at).unsigned_abs() > RECENT;
        while self.recent.front().is_some_and(old) {
            self.recent.pop_front();
        }
        let (address, id) = (address.clone(), id.clone());
        self.recent.push_back(Recent { address, id, at, deleted });
    }

    /// Returns the entry that sets a state to what this one says.
    pub fn restored(&self, from: impl Into<String>) -> Entry {
        Entry::Restored {
            from: from.into(),
            resources: self.resources.values().cloned().collect(),
            generations: self.generations.clone(),
            intents: self.intents.values().cloned().collect(),
            run: self.run,
        }
    }

    /// Takes in one entry, which was written at `at`.
    pub fn apply(&mut self, entry: &Entry, at: Timestamp) {
        self.note_recent(entry, at);
        match entry {
            Entry::Opened { .. } | Entry::RunFinished { .. } => {}
            Entry::RunStarted { run, .. } => self.run = (*run).max(self.run),
            Entry::Intent(intent) => {
                self.intents.insert(intent.resource.address.clone(), intent.clone());
            }
            Entry::Created(resource) | Entry::Updated(resource) | Entry::Found(resource) => {
                self.intents.remove(&resource.address);
                let generation = self.generations.entry(resource.address.clone()).or_default();
                *generation = (*generation).max(resource.generation);
                self.resources.insert(resource.address.clone(), resource.clone());
            }
            Entry::Ready { address, outputs } => {
                if let Some(resource) = self.resources.get_mut(address) {
                    resource.ready = true;
                    resource.outputs.clone_from(outputs);
                }
            }
            Entry::Deleted { address, .. } | Entry::Forgotten { address } => {
                self.intents.remove(address);
                self.resources.remove(address);
            }
            Entry::Failed { address, .. } | Entry::Closed { address, .. } => {
                self.intents.remove(address);
            }
            Entry::Kept { files } => {
                for (name, file) in files {
                    match file {
                        Some(file) => self.files.insert(name.clone(), file.clone()),
                        None => self.files.remove(name),
                    };
                }
            }
            Entry::Restored { resources, generations, intents, run, .. } => {
                self.run = (*run).max(self.run);
                let open = intents.iter().map(|open| (open.resource.address.clone(), open.clone()));
                self.intents = open.collect();
                let keyed = resources.iter().map(|one| (one.address.clone(), one.clone()));
                self.resources = keyed.collect();
                // Never back: a generation that was used once is part of a key that was used once.
                let counted = resources.iter().map(|one| (&one.address, one.generation));
                for (address, used) in generations.iter().map(|(a, n)| (a, *n)).chain(counted) {
                    let generation = self.generations.entry(address.clone()).or_default();
                    *generation = used.max(*generation);
                }
            }
        }
    }
}
