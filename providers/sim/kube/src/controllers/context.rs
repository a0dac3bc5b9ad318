//! What every controller has at hand.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::watch;

use super::error::ControllerError;
use super::index::{Change, Index, Key};
use super::kinds::PODS;
use super::object::{ObjectExt, child, opt};
use super::recorder::Recorder;
use crate::{Clock, Cloud, Cluster, ClusterOptions, Resource, Store, pod_security};

/// What comes after a reconcile.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Next {
    /// Nothing until something changes.
    Done,
    /// The same key again after this much simulated time.
    After(Duration),
}

/// Returns the earlier of two.
pub fn sooner(a: Next, b: Next) -> Next {
    match (a, b) {
        (Next::Done, x) | (x, Next::Done) => x,
        (Next::After(x), Next::After(y)) => Next::After(x.min(y)),
    }
}

/// A level-triggered controller: changes wake keys, a reconcile looks at everything again.
#[async_trait]
pub trait Controller: Send + Sync + 'static {
    /// Returns its name, in logs and as the source of its events.
    fn name(&self) -> &'static str;
    /// Adds the keys that a change may concern.
    fn wake(&self, ctx: &Ctx, change: &Change, out: &mut Vec<Key>);
    /// Makes what is one step more like what should be.
    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError>;
    /// Returns how many keys may be reconciled at a time.
    fn workers(&self) -> usize {
        1
    }
    /// Returns how long (real time) changes of a key are gathered before it is reconciled.
    fn gather(&self, _: &Ctx) -> Duration {
        Duration::ZERO
    }
}

/// The store, the cloud, the clock and the index.
pub struct Ctx {
    pub(crate) cluster: Cluster,
    pub(crate) index: Index,
    pub(crate) events: Recorder,
    pub(crate) applied: watch::Sender<u64>,
}

impl Ctx {
    pub(crate) fn new(cluster: Cluster) -> Self {
        Self {
            cluster,
            index: Index::default(),
            events: Recorder::default(),
            applied: watch::Sender::new(0),
        }
    }

    /// Returns the objects.
    pub fn store(&self) -> &Store {
        self.cluster.store()
    }

    /// Returns the cluster's options.
    pub fn options(&self) -> &ClusterOptions {
        self.cluster.options()
    }

    /// Returns the cloud below.
    pub fn cloud(&self) -> &Arc<dyn Cloud> {
        self.cluster.cloud()
    }

    fn clock(&self) -> &Clock {
        self.cluster.clock()
    }

    /// Returns the wall's time.
    pub fn now(&self) -> Timestamp {
        self.clock().now()
    }

    /// Converts simulated time to the time that the wall takes for it.
    pub fn real(&self, simulated: Duration) -> Duration {
        self.clock().scale(simulated)
    }

    /// Returns the simulated time since a moment of the wall; zero for the future.
    pub fn since(&self, moment: Timestamp) -> Duration {
        let wall = self.now().duration_since(moment).as_secs_f64().max(0.0);
        Duration::from_secs_f64((wall * self.clock().speed()).min(1e9))
    }

    /// Returns the rest (simulated) of a span that began at a moment, or nothing if it is over.
    pub fn left(&self, moment: Timestamp, span: Duration) -> Option<Duration> {
        let left = span.saturating_sub(self.since(moment));
        (!left.is_zero()).then_some(left)
    }

    /// Waits until the index has seen every write made before the call.
    pub async fn synced(&self) {
        let target = self.store().revision();
        let mut seen = self.applied.subscribe();
        // The sender lives in this very struct, so waiting cannot fail.
        let _ = seen.wait_for(|rv| *rv >= target).await;
    }

    /// Reads an object by key.
    pub fn get(&self, key: &Key) -> Option<Arc<Value>> {
        self.store().get(&key.resource, opt(&key.ns), &key.name)
    }

    /// Reads an object; `ns` is `""` for what has no namespace.
    pub fn find(&self, r: &Resource, ns: &str, name: &str) -> Option<Arc<Value>> {
        self.store().get(r, opt(ns), name)
    }

    /// Lists all objects of a kind, of one namespace or of all (`""`).
    pub fn list(&self, r: &Resource, ns: &str) -> Vec<Arc<Value>> {
        self.store().list(r, opt(ns)).0
    }

    /// Changes an object in one step.
    pub fn modify(
        &self,
        r: &Resource,
        o: &Value,
        mut f: impl FnMut(&mut Value),
    ) -> Result<Option<Arc<Value>>, ControllerError> {
        let uid = o.uid();
        Ok(self.store().modify(r, opt(o.ns()), o.name(), &mut |v: &mut Value| {
            // Another object of the same name is none of the caller's business.
            if v.uid() == uid {
                f(v);
            }
        })?)
    }

    /// Creates an object of a namespace, unless the namespace is being deleted.
    pub fn create(&self, r: &Resource, o: Value) -> Result<Arc<Value>, ControllerError> {
        if *r == *PODS
            && let Some(why) = pod_security::refusal(self.store(), &self.options().pod_security, &o)
        {
            let name = o.name();
            return Err(ControllerError::Invalid(format!("pods \"{name}\" is forbidden: {why}")));
        }
        Ok(self.store().create(r, o)?)
    }

    /// Deletes an object; pods get their grace period.
    pub fn delete(&self, r: &Resource, o: &Value) -> Result<(), ControllerError> {
        if *r == *PODS {
            return self.delete_pod(o);
        }
        self.store().delete(r, opt(o.ns()), o.name())?;
        Ok(())
    }

    /// Deletes a pod as the API server does: one that is bound and has not ended is marked, and
    /// goes when its kubelet has stopped it.
    pub fn delete_pod(&self, pod: &Value) -> Result<(), ControllerError> {
        let ended = matches!(pod.str_at("/status/phase"), "Succeeded" | "Failed");
        if pod.str_at("/spec/nodeName").is_empty() || ended {
            self.store().delete(&PODS, opt(pod.ns()), pod.name())?;
            return Ok(());
        }
        let grace = pod.int_at("/spec/terminationGracePeriodSeconds").unwrap_or(30);
        let at = super::condition::stamp(
            self.now()
                .saturating_add(jiff::SignedDuration::from_secs(grace))
                .unwrap_or(Timestamp::MAX),
        );
        self.modify(&PODS, pod, |p| {
            if !p.is_deleting() {
                let meta = child(p, "metadata");
                meta["deletionTimestamp"] = json!(at);
                meta["deletionGracePeriodSeconds"] = json!(grace);
            }
        })?;
        Ok(())
    }

    /// Removes a pod for good, whatever its grace period.
    pub fn remove_pod(&self, pod: &Value) -> Result<(), ControllerError> {
        let still = self.find(&PODS, pod.ns(), pod.name());
        if still.is_some_and(|p| p.uid() == pod.uid()) {
            self.store().delete(&PODS, opt(pod.ns()), pod.name())?;
        }
        Ok(())
    }
}
