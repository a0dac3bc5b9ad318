//! Kinds whose every action is made twice, or fails once and is lost once.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard},
};

use async_trait::async_trait;
use infra::engine::Kinds;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Kind, Observed, OnChange,
    UpdateRequest, Waits,
};

/// What is done to each action of each resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is made twice.
    Twice,
    /// The first time it fails without effect, for good; the second time it has its effect and the
    /// answer is lost; then it works.
    FailsOnceAndIsLostOnce,
}

/// What happened.
#[derive(Default)]
pub struct Log {
    tries: HashMap<(&'static str, Address), u32>,
    /// Actions that were made, by kind.
    pub actions: BTreeMap<&'static str, BTreeSet<&'static str>>,
    /// Where twice was not as good as once.
    pub broken: Vec<String>,
}

/// Wraps all of `kinds`, whatever is registered.
pub fn trouble(kinds: &Kinds, trouble: Trouble, log: &Arc<Mutex<Log>>) -> Kinds {
    let wrap = |inner: &Arc<dyn Kind>| {
        Arc::new(Troubled { inner: Arc::clone(inner), trouble, log: Arc::clone(log) })
            as Arc<dyn Kind>
    };
    Kinds::new(kinds.iter().map(wrap)).unwrap()
}

struct Troubled {
    inner: Arc<dyn Kind>,
    trouble: Trouble,
    log: Arc<Mutex<Log>>,
}

impl Troubled {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap()
    }

    /// Which try this is, from 1.
    fn count(&self, action: &'static str, address: &Address) -> u32 {
        let mut log = self.log();
        log.actions.entry(self.inner.name()).or_default().insert(action);
        let tries = log.tries.entry((action, address.clone())).or_default();
        *tries += 1;
        *tries
    }

    fn broken(&self, text: String) {
        self.log().broken.push(text);
    }

    /// One call about one resource.
    async fn call<T, F: Future<Output = Result<T, CloudError>>>(
        &self,
        action: &'static str,
        address: &Address,
        call: impl Fn() -> F,
    ) -> Result<T, CloudError> {
        let number = self.count(action, address);
        match self.trouble {
            Trouble::Twice => {
                let first = call().await;
                let second = call().await;
                if let (Ok(_), Err(error)) = (&first, &second)
                    && !error.is_transient()
                {
                    self.broken(format!("{action} {address} a second time: {error}"));
                }
                second
            }
            Trouble::FailsOnceAndIsLostOnce if number == 1 => Err(failed(action, address)),
            Trouble::FailsOnceAndIsLostOnce if number == 2 => {
                call().await.and_then(|_| Err(lost(action, address)))
            }
            Trouble::FailsOnceAndIsLostOnce => call().await,
        }
    }
}

fn failed(action: &str, address: &Address) -> CloudError {
    CloudError::new(ErrorKind::Quota, format!("{action} {address}"), "it fails once")
}

fn lost(action: &str, address: &Address) -> CloudError {
    CloudError::new(ErrorKind::Unanswered, format!("{action} {address}"), "the answer is lost")
}

#[async_trait]
impl Kind for Troubled {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn on_change(&self, field: &str) -> OnChange {
        self.inner.on_change(field)
    }

    fn is_single_use(&self) -> bool {
        self.inner.is_single_use()
    }

    fn batch_max(&self) -> usize {
        self.inner.batch_max()
    }

    fn batch_key(&self, request: &CreateRequest) -> String {
        self.inner.batch_key(request)
    }

    fn waits(&self) -> Waits {
        self.inner.waits()
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Observed>, CloudError> {
        self.inner.list_owned(cx).await
    }

    async fn poll(&self, cx: &Context, ids: &[String]) -> Result<Vec<Observed>, CloudError> {
        self.inner.poll(cx, ids).await
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[CreateRequest],
    ) -> Vec<Result<Observed, CloudError>> {
        let tries: Vec<u32> =
            requests.iter().map(|request| self.count("create", &request.address)).collect();
        if self.trouble == Trouble::Twice {
            let first = self.inner.create(cx, requests).await;
            let second = self.inner.create(cx, requests).await;
            for (request, both) in requests.iter().zip(first.iter().zip(&second)) {
                let broken = match both {
                    (Ok(first), Ok(second)) => first.id != second.id,
                    (Ok(_), Err(error)) => !error.is_transient(),
                    (Err(_), _) => false,
                };
                if broken {
                    self.broken(format!("create {} twice: {both:?}", request.address));
                }
            }
            return second;
        }
        // Those that fail now do not reach the cloud.
        let reach: Vec<CreateRequest> = requests
            .iter()
            .zip(&tries)
            .filter(|(_, tries)| **tries > 1)
            .map(|(request, _)| request.clone())
            .collect();
        let made = if reach.is_empty() { Vec::new() } else { self.inner.create(cx, &reach).await };
        let mut made = made.into_iter();
        requests
            .iter()
            .zip(tries)
            .map(|(request, tries)| match tries {
                1 => Err(failed("create", &request.address)),
                2 => made.next().unwrap().and_then(|_| Err(lost("create", &request.address))),
                _ => made.next().unwrap(),
            })
            .collect()
    }

    async fn update(&self, cx: &Context, request: &UpdateRequest) -> Result<Observed, CloudError> {
        let call = || self.inner.update(cx, request);
        self.call("update", &request.observed.address, call).await
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let call = || async {
            match self.inner.delete(cx, observed).await {
                // By the contract, what is absent is deleted; the engine reads this the same way.
                Err(error) if error.kind == ErrorKind::NotFound => Ok(true),
                result => result,
            }
        };
        self.call("delete", &observed.address, call).await
    }

    fn delete_warning(&self, observed: &Observed) -> Option<String> {
        self.inner.delete_warning(observed)
    }
}
