//! Runs against the cloud in memory, with a journal in memory, killed where asked.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use infra_engine::{
    ExecuteOptions, Kinds, ObserveOptions, Outcome, Plan, PlanError, PlanInput, PlanOptions,
    RecoverOptions, confirm, events::Events, execute, observe, plan, recover,
};
use infra_provider_api::{Address, Context, Declared, Owner, RetryPolicy};
use infra_state::{Store, StoreError, store::Backend};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::cloud::Cloud;

/// Where the n-th write of the state (journal or snapshot) is cut off, from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Cut {
    None,
    Before(u64),
    /// Half of the bytes are written.
    Torn(u64),
    After(u64),
    /// The disk is full.
    Full(u64),
}

impl Cut {
    /// Returns the number of the write; 0 if none is cut off.
    pub fn at(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Before(at) | Self::Torn(at) | Self::After(at) | Self::Full(at) => at,
        }
    }
}

struct Memory {
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    appends: Mutex<(u64, Cut)>,
    /// The journal is compacted at the end of every run.
    compacts: AtomicBool,
    cloud: Cloud,
}

#[async_trait]
impl Backend for Memory {
    fn describe(&self, name: &str) -> String {
        format!("memory/{name}")
    }
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.files.lock().unwrap().get(name).cloned())
    }
    async fn replace(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.write(name, bytes, true).await
    }
    async fn create_new(&self, name: &str, bytes: Vec<u8>) -> Result<bool, StoreError> {
        self.files.lock().unwrap().insert(name.to_owned(), bytes);
        Ok(true)
    }
    async fn append(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.write(name, bytes, false).await
    }
    async fn truncate(&self, name: &str, length: u64) -> Result<(), StoreError> {
        let length = usize::try_from(length).unwrap();
        if let Some(file) = self.files.lock().unwrap().get_mut(name) {
            file.truncate(length);
        }
        Ok(())
    }
    async fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.files.lock().unwrap().remove(name);
        Ok(())
    }
    fn has_many_parts(&self) -> bool {
        self.compacts.load(Ordering::Relaxed)
    }
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let files = self.files.lock().unwrap();
        Ok(files.keys().filter(|name| name.starts_with(prefix)).cloned().collect())
    }
}

impl Memory {
    async fn write(&self, name: &str, bytes: Vec<u8>, fresh: bool) -> Result<(), StoreError> {
        let (count, cut) = {
            let mut appends = self.appends.lock().unwrap();
            appends.0 += 1;
            *appends
        };
        let write = |bytes: &[u8]| {
            let mut files = self.files.lock().unwrap();
            let file = files.entry(name.to_owned()).or_default();
            if fresh {
                file.clear();
            }
            file.extend_from_slice(bytes);
        };
        match cut {
            Cut::Before(at) if at == count => self.cloud.die().await,
            Cut::Torn(at) if at == count && !fresh => {
                write(&bytes[..bytes.len() / 2]);
                self.cloud.die().await;
            }
            Cut::Full(at) if at == count => {
                let (name, reason) = (name.to_owned(), "no space left on device".to_owned());
                return Err(StoreError::Io { what: "append to", name, reason, full: true });
            }
            _ => {}
        }
        write(&bytes);
        if cut == Cut::After(count) {
            self.cloud.die().await;
        }
        Ok(())
    }
}

/// How far lists lag behind, where they do.
const LAG: Duration = Duration::from_millis(30);

/// A cloud, a state and what is run on them.
pub struct World {
    pub cloud: Cloud,
    memory: Arc<Memory>,
    pub options: PlanOptions,
    pub execute: ExecuteOptions,
}

impl World {
    pub fn new() -> Self {
        let cloud = Cloud::new();
        let appends = Mutex::new((0, Cut::None));
        let memory = Arc::new(Memory {
            files: Mutex::default(),
            appends,
            compacts: AtomicBool::new(false),
            cloud: cloud.clone(),
        });
        let retry = RetryPolicy {
            attempts_max: 4,
            pause_first: Duration::from_micros(10),
            pause_max: Duration::from_micros(10),
            repeat_unanswered: false,
        };
        let execute = ExecuteOptions {
            retry,
            unanswered_grace: Duration::from_millis(1),
            batch_window: Duration::from_millis(1),
            ..ExecuteOptions::default()
        };
        Self { cloud, memory, options: PlanOptions::default(), execute }
    }

    /// Lists lag behind from now on, and no wait takes their absence for absence.
    pub fn lag(&mut self) {
        self.cloud.set_lag(LAG);
        self.execute.unanswered_grace = 3 * LAG;
    }

    pub fn cut(&self, cut: Cut) {
        *self.memory.appends.lock().unwrap() = (0, cut);
    }

    /// The journal is compacted at the end of every run from now on.
    pub fn compact_always(&self) {
        self.memory.compacts.store(true, Ordering::Relaxed);
    }

    pub fn appends(&self) -> u64 {
        self.memory.appends.lock().unwrap().0
    }

    pub fn lose_record(&self) {
        self.memory.files.lock().unwrap().remove("journal");
        self.memory.files.lock().unwrap().remove("snapshot.json");
    }

    pub async fn store(&self) -> Arc<Store> {
        let backend: Arc<dyn Backend> = self.memory.clone();
        Arc::new(Store::open_backend(backend, "test", Uuid::from_u128(7)).await.unwrap())
    }

    pub async fn plan(&self, declared: &[Declared]) -> Result<Plan, PlanError> {
        let store = self.store().await;
        self.plan_with(declared, &store, &self.cloud.kinds()).await
    }

    async fn plan_with(
        &self,
        declared: &[Declared],
        store: &Store,
        kinds: &Kinds,
    ) -> Result<Plan, PlanError> {
        let cx = Context::quiet(store.owner().clone());
        let mut observed = observe(kinds, &cx, &ObserveOptions::default()).await.unwrap();
        let grace = self.execute.unanswered_grace;
        confirm(kinds, &cx, &store.state(), &mut observed, grace).await.unwrap();
        make(declared, &observed, &store.state(), kinds, store.owner(), &self.options)
    }

    /// Recover, observe, plan, execute; `None` if killed on the way.
    pub async fn apply(&self, declared: &[Declared]) -> Option<Outcome> {
        let run = async {
            let (store, kinds) = (self.store().await, self.cloud.kinds());
            let cx = Context::quiet(store.owner().clone());
            let options = RecoverOptions {
                grace: self.execute.unanswered_grace,
                ..RecoverOptions::default()
            };
            recover(&kinds, &cx, &store, &options, &Events::none()).await.unwrap();
            let plan = self.plan_with(declared, &store, &kinds).await.unwrap();
            execute(&plan, &kinds, &cx, &store, &self.execute, &Events::none()).await
        };
        tokio::select! {
            outcome = run => Some(outcome),
            () = self.cloud.killed.notified() => None,
        }
    }

    /// The world is as declared: nothing missing, twice, left over, or recorded wrongly.
    pub async fn assert_is(&self, declared: &[Declared], when: &str) {
        let mut wanted: Vec<String> =
            declared.iter().map(|resource| resource.address.to_string()).collect();
        wanted.sort();
        let there = self.cloud.inventory();
        let names: Vec<&String> = there.iter().map(|(address, _)| address).collect();
        assert_eq!(names, wanted.iter().collect::<Vec<_>>(), "{when}: in the cloud");
        let record = self.store().await.state();
        let recorded: Vec<(String, String)> = record
            .resources
            .values()
            .map(|resource| (resource.address.to_string(), resource.id.clone()))
            .collect();
        assert_eq!(recorded, there, "{when}: in the state");
        assert!(record.intents.is_empty(), "{when}: open intents {:?}", record.intents);
        let plan = self.plan(declared).await.unwrap();
        let left: Vec<_> = plan.real_changes().collect();
        assert!(left.is_empty(), "{when}: the plan is not empty: {left:#?}");
        assert!(self.cloud.violations().is_empty(), "{when}: {:?}", self.cloud.violations());
    }
}

pub fn make(
    declared: &[Declared],
    observed: &infra_engine::Observations,
    record: &infra_state::State,
    kinds: &Kinds,
    owner: &Owner,
    options: &PlanOptions,
) -> Result<Plan, PlanError> {
    plan(&PlanInput {
        owner,
        environment: None,
        provider: "fake",
        created_at: "2026-01-02T03:04:05Z".parse().unwrap(),
        declared,
        observed,
        record,
        kinds,
        options,
    })
}

pub fn address(text: &str) -> Address {
    text.parse().unwrap()
}

/// A resource; `refs` are fields that take the id of another one.
pub fn declare(name: &str, mut spec: Value, refs: &[(&str, &str)]) -> Declared {
    for (field, to) in refs {
        spec[*field] = json!({"$ref": to, "field": "id"});
    }
    Declared::new(address(name), &spec).unwrap()
}

/// A network, machines in it, a state for each, and one for all.
pub fn cluster(machines: usize) -> Vec<Declared> {
    let mut all = vec![declare("net.main", json!({"u_label": "a"}), &[])];
    let mut members = vec![];
    for number in 1..=machines {
        let machine = format!("box.m{number}");
        let spec = json!({"r_size": "small", "u_tags": ["x"]});
        all.push(declare(&machine, spec, &[("r_net", "net.main")]));
        let record = format!("rec.m{number}");
        all.push(declare(&record, json!({"u_ttl": 60}), &[("u_to", &machine)]));
        members.push(json!({"$ref": machine, "field": "id"}));
    }
    all.push(declare("rec.all", json!({"u_members": members}), &[]));
    all
}
