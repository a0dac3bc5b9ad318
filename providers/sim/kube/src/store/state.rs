use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value;
use tokio::sync::watch;

use super::event::{Event, Gone, WatchStream};
use super::history::History;
use super::log::{Log, Record};
use super::object::{name_of, namespace_of, rv_of};
use super::resource::{KindKey, Resource};
use crate::KubeError;

/// Why the store refused a write.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// An object of that name exists.
    #[error("{resource} \"{name}\" already exists")]
    AlreadyExists {
        /// `deployments.apps`
        resource: String,
        /// metadata.name
        name: String,
    },
    /// There is no object of that name.
    #[error("{resource} \"{name}\" not found")]
    NotFound {
        /// `deployments.apps`
        resource: String,
        /// metadata.name
        name: String,
    },
    /// The object changed since the writer read it.
    #[error(
        "Operation cannot be fulfilled on {resource} \"{name}\": the object has been modified; please apply your changes to the latest version and try again"
    )]
    Conflict {
        /// `deployments.apps`
        resource: String,
        /// metadata.name
        name: String,
    },
    /// The object has no name.
    #[error("{resource}: metadata.name is required")]
    Nameless {
        /// `deployments.apps`
        resource: String,
    },
    /// The log could not be written.
    #[error("the object log: {0}")]
    Io(#[from] std::io::Error),
}

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
        let log = Log::open(&path, |record| {
            rv = rv.max(record.rv);
            let resource = Resource::new(&record.group, &record.version, &record.plural);
            let kind = kinds
                .entry(resource.key())
                .or_insert_with(|| Kind { resource, objects: Objects::new() });
            match record.object {
                Some(object) => {
                    let key = (namespace_of(&object).to_owned(), name_of(&object).to_owned());
                    kind.objects.insert(key, object);
                }
                None => {
                    kind.objects.remove(&(record.namespace, record.name));
                }
            }
        })
        .map_err(io(&path))?;
        let mut state = State { rv, kinds, history: History::new(rv), log };
        state.compact_if_worth_it(500).map_err(io(&path))?;
        Ok(Store {
            inner: Arc::new(Inner { state: Mutex::new(state), revision: watch::Sender::new(rv) }),
        })
    }

    /// The object of that name. `ns` is `None` for what has no namespace.
    pub fn get(&self, resource: &Resource, ns: Option<&str>, name: &str) -> Option<Arc<Value>> {
        let key = (ns.unwrap_or_default().to_owned(), name.to_owned());
        self.lock().kinds.get(&resource.key())?.objects.get(&key).cloned()
    }

    /// All objects of a kind, of one namespace or of all (`None`), by namespace and name, with the
    /// revision they were read at.
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

    /// The kinds that have, or had, objects, each in the version it was first written in.
    pub fn kinds(&self) -> Vec<Resource> {
        self.lock().kinds.values().map(|kind| kind.resource.clone()).collect()
    }

    /// The revision of the last change.
    pub fn revision(&self) -> u64 {
        self.lock().rv
    }

    /// The changes of a kind after a revision (`list`'s, for those not yet seen).
    pub fn watch(&self, resource: &Resource, since: u64) -> WatchStream {
        self.stream(Some(resource.key()), since)
    }

    /// The changes of all kinds after a revision.
    pub fn watch_all(&self, since: u64) -> WatchStream {
        self.stream(None, since)
    }

    fn stream(&self, only: Option<KindKey>, since: u64) -> WatchStream {
        WatchStream {
            store: self.clone(),
            only,
            position: since,
            revision: self.inner.revision.subscribe(),
            pending: VecDeque::new(),
        }
    }

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
        let State { rv, kinds, log, .. } = self;
        let mut last = *rv;
        let objects = kinds.values().flat_map(|kind| {
            kind.objects.values().map(|object| Record {
                rv: rv_of(object).unwrap_or(1),
                group: kind.resource.group.clone(),
                version: kind.resource.version.clone(),
                plural: kind.resource.plural.clone(),
                object: Some(object.clone()),
                namespace: String::new(),
                name: String::new(),
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
        });
        log.compact(objects.chain(mark))
    }
}

impl Store {
    /// The revision before the first change that is still known.
    pub(crate) fn oldest_known(&self) -> u64 {
        self.lock().history.compacted()
    }
}
