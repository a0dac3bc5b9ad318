//! A cloud in memory, with kinds whose fields tell by their first letter what a change means, with
//! faults, and with a hook at each call that has an effect.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use infra_engine::Kinds;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Kind, KnownResource, ManagedBy,
    OWNERSHIP, Observed, OnChange, Presence, Readiness, UpdateRequest, Waits,
};
use serde_json::{Value, json};
use tokio::sync::Notify;

/// What happens at the n-th call with an effect, from 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trap {
    None,
    /// Before it has its effect, with this error.
    Fail(u64, ErrorKind),
    /// After its effect the answer is lost.
    Unanswered(u64),
    /// The process is killed before the effect.
    KillBefore(u64),
    /// The process is killed after the effect.
    KillAfter(u64),
}

#[derive(Clone)]
struct Stored {
    address: Address,
    id: String,
    spec: Value,
    key: Option<String>,
    looks_to_ready: u32,
    looks_to_gone: Option<u32>,
    made_by: ManagedBy,
    created: Instant,
    /// Whether it carries the ownership tag; without it no list shows it.
    tagged: bool,
}

struct State {
    stored: Vec<Stored>,
    /// What was deleted, and when: a list that lags behind still shows it.
    deleted: Vec<(Stored, Instant)>,
    /// How far lists lag behind.
    lag: Duration,
    next: u64,
    calls: u64,
    creates: u64,
    trap: Trap,
    twice: bool,
    log: Vec<String>,
    violations: Vec<String>,
}

/// A cloud in memory. Clones are the same cloud.
#[derive(Clone)]
pub struct Cloud {
    state: Arc<Mutex<State>>,
    pub killed: Arc<Notify>,
}

/// The kinds: `net` has no keys but unique names, `box` has keys and batches and needs looks to be
/// ready and gone, `rec` has keys and is ready at once.
pub const KINDS: [&str; 3] = ["net", "box", "rec"];

impl Cloud {
    pub fn new() -> Self {
        let state = State {
            stored: vec![],
            deleted: vec![],
            lag: Duration::ZERO,
            next: 0,
            calls: 0,
            creates: 0,
            trap: Trap::None,
            twice: false,
            log: vec![],
            violations: vec![],
        };
        Self { state: Arc::new(Mutex::new(state)), killed: Arc::new(Notify::new()) }
    }

    pub fn kinds(&self) -> Kinds {
        let kinds =
            KINDS.map(|name| Arc::new(FakeKind { name, cloud: self.clone() }) as Arc<dyn Kind>);
        Kinds::new(kinds).unwrap()
    }

    pub fn set_trap(&self, trap: Trap) {
        let mut state = self.state.lock().unwrap();
        state.trap = trap;
        state.calls = 0;
    }

    /// Lists lag behind from now on.
    pub fn set_lag(&self, lag: Duration) {
        self.state.lock().unwrap().lag = lag;
    }

    /// Somebody takes the ownership tag away.
    pub fn untag(&self, address: &str) {
        let mut state = self.state.lock().unwrap();
        let mut all = state.stored.iter_mut();
        all.find(|stored| stored.address.to_string() == address).unwrap().tagged = false;
    }

    /// Every call is made twice from now on.
    pub fn call_twice(&self) {
        self.state.lock().unwrap().twice = true;
    }

    pub fn calls(&self) -> u64 {
        self.state.lock().unwrap().calls
    }

    pub fn creates(&self) -> u64 {
        self.state.lock().unwrap().creates
    }

    pub fn log(&self) -> Vec<String> {
        self.state.lock().unwrap().log.clone()
    }

    pub fn violations(&self) -> Vec<String> {
        self.state.lock().unwrap().violations.clone()
    }

    /// Address and id of all that exists, sorted.
    pub fn inventory(&self) -> Vec<(String, String)> {
        let state = self.state.lock().unwrap();
        let mut all: Vec<_> = state
            .stored
            .iter()
            .filter(|stored| stored.looks_to_gone.is_none())
            .map(|stored| (stored.address.to_string(), stored.id.clone()))
            .collect();
        all.sort();
        all
    }

    pub fn drift(&self, keep: impl Fn(&Address) -> bool) {
        self.state.lock().unwrap().stored.retain(|stored| keep(&stored.address));
    }

    pub fn edit(&self, address: &str, field: &str, value: Value) {
        let mut state = self.state.lock().unwrap();
        let found = state.stored.iter_mut().find(|stored| stored.address.to_string() == address);
        found.unwrap().spec[field] = value;
    }

    /// Takes so many looks to be ready again.
    pub fn fall_ill(&self, address: &str, looks: u32) {
        let mut state = self.state.lock().unwrap();
        let found = state.stored.iter_mut().find(|stored| stored.address.to_string() == address);
        found.unwrap().looks_to_ready = looks;
    }

    pub fn put(&self, address: &str, spec: Value, made_by: ManagedBy) -> String {
        let id = {
            let mut state = self.state.lock().unwrap();
            state.next += 1;
            format!("id-{}", state.next)
        };
        self.put_with_id(address, &id, spec, made_by);
        id
    }

    /// Puts something whose id something of another kind may have, too.
    pub fn put_with_id(&self, address: &str, id: &str, spec: Value, made_by: ManagedBy) {
        self.state.lock().unwrap().stored.push(Stored {
            address: address.parse().unwrap(),
            id: id.to_owned(),
            spec,
            key: None,
            looks_to_ready: 0,
            looks_to_gone: None,
            made_by,
            created: Instant::now(),
            tagged: true,
        });
    }

    /// Kills the process: whoever runs it drops it. Never returns.
    pub async fn die(&self) {
        self.killed.notify_one();
        std::future::pending::<()>().await;
    }

    async fn effect<T>(
        &self,
        operation: &str,
        effect: impl Fn(&mut State) -> T,
    ) -> Result<T, CloudError> {
        let (trap, call) = {
            let mut state = self.state.lock().unwrap();
            state.calls += 1;
            state.log.push(operation.to_owned());
            (state.trap, state.calls)
        };
        match trap {
            Trap::Fail(at, kind) if at == call => {
                return Err(CloudError::new(kind, operation, "injected"));
            }
            Trap::KillBefore(at) if at == call => self.die().await,
            _ => {}
        }
        let value = {
            let mut state = self.state.lock().unwrap();
            if state.twice {
                effect(&mut state);
            }
            effect(&mut state)
        };
        match trap {
            Trap::Unanswered(at) if at == call => {
                Err(CloudError::new(ErrorKind::Unanswered, operation, "connection reset"))
            }
            Trap::KillAfter(at) if at == call => {
                self.die().await;
                Ok(value)
            }
            _ => Ok(value),
        }
    }
}

impl Stored {
    fn observed(&self) -> Observed {
        let readiness = if self.looks_to_ready == 0 && self.looks_to_gone.is_none() {
            Readiness::Ready
        } else {
            Readiness::Pending { reason: format!("{} looks to go", self.looks_to_ready) }
        };
        Observed {
            address: self.address.clone(),
            id: self.id.clone(),
            spec: self.spec.clone().into(),
            outputs: json!({"id": self.id}).into(),
            readiness,
            intent_key: self.key.clone(),
            made_by: self.made_by.clone(),
        }
    }
}

impl State {
    fn remove(&mut self, is_gone: impl Fn(&Stored) -> bool) {
        let (gone, kept) = std::mem::take(&mut self.stored).into_iter().partition(is_gone);
        self.stored = kept;
        let gone: Vec<Stored> = gone;
        self.deleted.extend(gone.into_iter().map(|stored| (stored, Instant::now())));
    }
}

struct FakeKind {
    name: &'static str,
    cloud: Cloud,
}

impl FakeKind {
    fn create_one(
        &self,
        state: &mut State,
        request: &CreateRequest,
    ) -> Result<Observed, CloudError> {
        let keyed = self.name != "net";
        let same = state.stored.iter().find(|stored| {
            stored.address == request.address
                && (keyed && stored.key.as_ref() == Some(&request.intent_key))
        });
        if let Some(stored) = same {
            return Ok(stored.observed());
        }
        if !keyed
            && let Some(stored) =
                state.stored.iter().find(|stored| stored.address == request.address)
        {
            // By the contract, the same call finds what it made.
            if stored.spec == request.spec {
                return Ok(stored.observed());
            }
            return Err(CloudError::new(ErrorKind::NameTaken, "create", "the name is taken"));
        }
        state.next += 1;
        state.creates += 1;
        let slow = self.name == "box";
        let stored = Stored {
            address: request.address.clone(),
            id: format!("id-{}", state.next),
            spec: request.spec.clone(),
            key: keyed.then(|| request.intent_key.clone()),
            looks_to_ready: if slow { 2 } else { 0 },
            looks_to_gone: None,
            made_by: ManagedBy::Infra,
            created: Instant::now(),
            tagged: true,
        };
        let text = stored.spec.to_string();
        if text.contains("$ref") {
            state.violations.push(format!("{} created with a reference", stored.address));
        }
        let observed = stored.observed();
        state.stored.push(stored);
        Ok(observed)
    }

    fn list(&self) -> Vec<Observed> {
        let mut state = self.cloud.state.lock().unwrap();
        for stored in &mut state.stored {
            if stored.address.kind() == self.name {
                stored.looks_to_ready = stored.looks_to_ready.saturating_sub(1);
                stored.looks_to_gone = stored.looks_to_gone.map(|looks| looks.saturating_sub(1));
            }
        }
        state.remove(|stored| stored.looks_to_gone == Some(0));
        let lag = state.lag;
        let deleted = state.deleted.iter().filter(|(_, at)| at.elapsed() < lag);
        let listed = state.stored.iter().filter(|stored| stored.tagged);
        let all = listed.chain(deleted.map(|(stored, _)| stored));
        let ours = all.filter(|stored| stored.address.kind() == self.name);
        ours.filter(|stored| stored.created.elapsed() >= lag).map(Stored::observed).collect()
    }
}

#[async_trait]
impl Kind for FakeKind {
    fn name(&self) -> &'static str {
        self.name
    }

    fn on_change(&self, field: &str) -> OnChange {
        match field.as_bytes()[0] {
            b'r' => OnChange::Replace,
            b't' => OnChange::Rotate,
            b'c' => OnChange::CreateOnly,
            _ => OnChange::Update,
        }
    }

    fn batch_max(&self) -> usize {
        if self.name == "box" { 3 } else { 1 }
    }

    fn waits(&self) -> Waits {
        Waits {
            ready: Duration::from_secs(5),
            recover: (self.name == "box").then_some(Duration::from_millis(20)),
            gone: Duration::from_secs(5),
            poll_min: Duration::from_micros(100),
            poll_max: Duration::from_millis(1),
        }
    }

    async fn list_owned(&self, _: &Context) -> Result<Vec<Observed>, CloudError> {
        tokio::task::yield_now().await;
        Ok(self.list())
    }

    async fn read(
        &self,
        _: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Observed>>, CloudError> {
        tokio::task::yield_now().await;
        let state = self.cloud.state.lock().unwrap();
        let one = |known: &KnownResource| {
            let found = state.stored.iter().find(|stored| stored.id == known.id);
            match found {
                None => Presence::Absent,
                Some(stored) if stored.tagged => Presence::Owned(stored.observed()),
                Some(stored) => Presence::Untagged(stored.observed()),
            }
        };
        Ok(known.iter().map(one).collect())
    }

    async fn create(
        &self,
        _: &Context,
        requests: &[CreateRequest],
    ) -> Vec<Result<Observed, CloudError>> {
        let names: Vec<String> =
            requests.iter().map(|request| request.address.to_string()).collect();
        let operation = format!("create {}", names.join(" "));
        let made = self.cloud.effect(&operation, |state| {
            requests.iter().map(|request| self.create_one(state, request)).collect::<Vec<_>>()
        });
        match made.await {
            Ok(made) => made,
            Err(error) => requests.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    async fn update(&self, _: &Context, request: &UpdateRequest) -> Result<Observed, CloudError> {
        let operation = format!("update {}", request.observed.address);
        let updated = self.cloud.effect(&operation, |state| {
            let found = state.stored.iter_mut().find(|stored| stored.id == request.observed.id);
            let Some(stored) = found else {
                return Err(CloudError::new(ErrorKind::NotFound, "update", "no such thing"));
            };
            stored.tagged |= request.restores_ownership();
            for field in request.changed.iter().filter(|field| *field != OWNERSHIP) {
                match request.spec.get(field) {
                    Some(value) => stored.spec[field] = value.clone(),
                    None => drop(stored.spec.as_object_mut().unwrap().remove(field)),
                }
            }
            Ok(stored.observed())
        });
        updated.await?
    }

    async fn delete(&self, _: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = format!("delete {}", observed.address);
        let slow = self.name == "box";
        let deleted = self.cloud.effect(&operation, |state| {
            // A field that can be changed in place may name what is gone until it is.
            let id = format!("\"{}\"", observed.id);
            let uses = |other: &&Stored| {
                let mut fields = other.spec.as_object().unwrap().iter();
                fields.any(|(name, value)| name.starts_with('r') && value.to_string().contains(&id))
            };
            let user = state.stored.iter().filter(|other| other.id != observed.id).find(uses);
            if let Some(user) = user {
                let text = format!("{} deleted before {}", observed.address, user.address);
                state.violations.push(text);
            }
            if slow {
                for stored in &mut state.stored {
                    if stored.id == observed.id {
                        stored.looks_to_gone = Some(2);
                    }
                }
            } else {
                state.remove(|stored| stored.id == observed.id);
            }
        });
        deleted.await?;
        Ok(!slow)
    }
}
