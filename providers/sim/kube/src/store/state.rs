//! State: the objects of a cluster in memory, behind one lock.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use super::event::{Event, Gone};
use super::history::History;
use super::log::{Log, Record};
use super::object::{name_of, namespace_of, rv_of};
use super::resource::{KindKey, Resource};
use crate::KubeError;
use crate::encryption::{Keys, Seals, SecretKeys, unreadable};

/// The objects of one cluster. Clones share them.
///
/// Written by the API server and by the controllers alike; the rules it keeps for both: `uid`,
/// `creationTimestamp` and `resourceVersion` are its own, `generation` counts changes of everything
/// but metadata and status, a write without a change makes no event, and an object with finalizers
/// (also `spec.finalizers` of a Namespace) stays, marked with `deletionTimestamp`, until the write
/// that takes the last one away.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
    pub(crate) keys: Keys,
}

struct Inner {
    state: Mutex<State>,
    revision: watch::Sender<u64>,
}

pub(crate) type Objects = BTreeMap<(String, String), Arc<Value>>;

pub(crate) struct State {
    pub(crate) rv: u64,
    pub(crate) kinds: BTreeMap<KindKey, Kind>,
    pub(crate) history: History,
    pub(crate) log: Log,
    pub(crate) seals: Seals,
}

pub(crate) struct Kind {
    /// The version objects were last written in.
    pub(crate) resource: Resource,
    pub(crate) objects: Objects,
}

impl Store {
    /// Opens the store of that folder, or makes it.
    pub fn open(dir: &Path) -> Result<Store, KubeError> {
        let io = |path: &Path| {
            let path = path.to_owned();
            move |source| KubeError::Io { path, source }
        };
        std::fs::create_dir_all(dir).map_err(io(dir))?;
        let path = dir.join("objects.log");
        let mut rv = 1;
        let mut kinds: BTreeMap<KindKey, Kind> = BTreeMap::new();
        let mut seals = Seals::new();
        let log = Log::open(&path, |record| {
            rv = rv.max(record.rv);
            let resource = Resource::new(&record.group, &record.version, &record.plural);
            let kind = kinds
                .entry(resource.key())
                .or_insert_with(|| Kind { resource, objects: Objects::new() });
            match record.object {
                Some(object) => {
                    let key = (namespace_of(&object).to_owned(), name_of(&object).to_owned());
                    if is_secrets(&kind.resource) {
                        seals.insert(key.clone(), record.seal);
                    }
                    kind.objects.insert(key, object);
                }
                None => {
                    let key = (record.namespace, record.name);
                    if is_secrets(&kind.resource) {
                        seals.remove(&key);
                    }
                    kind.objects.remove(&key);
                }
            }
        })
        .map_err(io(&path))?;
        let mut state = State { rv, kinds, history: History::new(rv), log, seals };
        state.compact_if_worth_it(500).map_err(io(&path))?;
        Ok(Store {
            inner: Arc::new(Inner { state: Mutex::new(state), revision: watch::Sender::new(rv) }),
            keys: Keys::default(),
        })
    }

    /// Returns the same store, as an API server with these keys reaches it. Controllers use the keys of the
    /// one that was started last.
    #[must_use]
    pub fn with_keys(&self, keys: &SecretKeys) -> Store {
        self.keys.set_latest(keys);
        Store { inner: self.inner.clone(), keys: Keys::Own(Arc::new(keys.clone())) }
    }

    /// Returns the key in etcd of a Secret that cannot be read with this handle's keys, and why. `None` for
    /// `ns` and `name` means all.
    pub(crate) fn unreadable(
        &self,
        ns: Option<&str>,
        name: Option<&str>,
    ) -> Option<(String, &'static str)> {
        unreadable(&self.lock().seals, &self.keys, ns, name)
    }

    /// Returns true for a Secret that another key wrote than the one that this handle writes with.
    pub(crate) fn is_stale(&self, ns: Option<&str>, name: &str) -> bool {
        let key = (ns.unwrap_or_default().to_owned(), name.to_owned());
        self.lock().seals.get(&key).is_some_and(|seal| *seal != self.keys.seal())
    }

    /// Returns the object of that name. `ns` is `None` for what has no namespace.
    pub fn get(&self, resource: &Resource, ns: Option<&str>, name: &str) -> Option<Arc<Value>> {
        let key = (ns.unwrap_or_default().to_owned(), name.to_owned());
        self.lock().kinds.get(&resource.key())?.objects.get(&key).cloned()
    }

    /// Lists all objects of a kind, of one namespace or of all (`None`), by namespace and name. It
    /// also returns the revision they were read at.
    pub fn list(&self, resource: &Resource, ns: Option<&str>) -> (Vec<Arc<Value>>, u64) {
        let state = self.lock();
        let objects = state.kinds.get(&resource.key()).map(|kind| {
            kind.objects
                .iter()
                .filter(|((namespace, _), _)| ns.is_none_or(|wanted| wanted == namespace))
                .map(|(_, object)| object.clone())
                .collect()
        });
        (objects.unwrap_or_default(), state.rv)
    }

    /// Lists the kinds that have, or had, objects, each in the version it was first written in.
    pub fn kinds(&self) -> Vec<Resource> {
        self.lock().kinds.values().map(|kind| kind.resource.clone()).collect()
    }

    /// Returns the revision of the last change.
    pub fn revision(&self) -> u64 {
        self.lock().rv
    }

    /// Returns a receiver of the revision of each change.
    pub(crate) fn revisions(&self) -> watch::Receiver<u64> {
        self.inner.revision.subscribe()
    }

    /// Returns the changes after a revision, and the revision up to which these are all.
    ///
    /// # Errors
    /// Returns an error if the history no longer holds all of them.
    pub(crate) fn events_after(
        &self,
        since: u64,
        only: Option<&KindKey>,
    ) -> Result<(Vec<Event>, u64), Gone> {
        let state = self.lock();
        Ok((state.history.after(since, only)?, state.rv.max(since)))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in a `modify` closure leaves the state as it was before it.
        self.inner.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn announce(&self, rv: u64) {
        self.inner.revision.send_if_modified(|seen| {
            let newer = rv > *seen;
            *seen = rv.max(*seen);
            newer
        });
    }
}

/// Returns true for the kind that is encrypted.
pub(crate) fn is_secrets(resource: &Resource) -> bool {
    resource.group.is_empty() && resource.plural == "secrets"
}

impl State {
    pub(crate) fn kind_mut(&mut self, resource: &Resource) -> &mut Kind {
        self.kinds
            .entry(resource.key())
            .or_insert_with(|| Kind { resource: resource.clone(), objects: Objects::new() })
    }

    /// Rewrites the log once most of it is of the past.
    pub(crate) fn compact_if_worth_it(&mut self, slack: usize) -> std::io::Result<()> {
        let live: usize = self.kinds.values().map(|kind| kind.objects.len()).sum();
        if self.log.records < live * 3 + slack {
            return Ok(());
        }
        let State { rv, kinds, log, seals, .. } = self;
        let mut last = *rv;
        let objects = kinds.values().flat_map(|kind| {
            let is_secrets = is_secrets(&kind.resource);
            let seals = &*seals;
            kind.objects.iter().map(move |(key, object)| Record {
                rv: rv_of(object).unwrap_or(1),
                group: kind.resource.group.clone(),
                version: kind.resource.version.clone(),
                plural: kind.resource.plural.clone(),
                object: Some(object.clone()),
                namespace: String::new(),
                name: String::new(),
                seal: seals.get(key).filter(|_| is_secrets).cloned().unwrap_or_default(),
            })
        });
        // The revision must not go back when the last change was a deletion.
        let mark = std::iter::once_with(|| Record {
            rv: std::mem::take(&mut last),
            group: String::new(),
            version: "v1".into(),
            plural: "namespaces".into(),
            object: None,
            namespace: String::new(),
            name: String::new(),
            seal: String::new(),
        });
        log.compact(objects.chain(mark))
    }
}

impl Store {
    /// Returns the revision before the first change that is still known.
    pub(crate) fn oldest_known(&self) -> u64 {
        self.lock().history.compacted()
    }
}
