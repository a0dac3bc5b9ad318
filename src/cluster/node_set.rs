//! `node_set`: the Nodes of a pool whose machines the cloud makes. Creating it means waiting until enough of
//! them are Ready; the machines themselves are the pool's.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, ManagedBy, Observed, OnChange, Outputs,
    Place, Readiness, Resource, UpdateRequest, Waits,
};
use k8s_openapi::api::core::v1::Node;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{kube_access::KubeAccess, pool_drain::PoolDrain, pool_node::list};

/// How many Nodes of a pool there must be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSetSpec {
    /// How many, at least.
    pub nodes: u32,
}

/// The kind.
pub struct NodeSets {
    kube: Arc<KubeAccess>,
    /// How the Nodes of a pool are emptied; it knows the label that names a Node's pool.
    drain: PoolDrain,
    /// How many Nodes each pool shall have, by its name: as declared, and from its create or update on.
    wanted: Mutex<BTreeMap<String, u32>>,
    /// The pools that the cluster has in the cloud. Others in it, which somebody made by hand, are not its own.
    own: BTreeSet<String>,
}

impl NodeSets {
    /// The kind's name.
    pub const KIND: &'static str = "node_set";

    /// Makes the kind for the pools behind `kube`, which `drain` empties. `wanted` says how many Nodes each shall
    /// have, and `own` which others are the cluster's.
    pub(super) fn new(
        kube: Arc<KubeAccess>,
        drain: PoolDrain,
        wanted: BTreeMap<String, u32>,
        own: BTreeSet<String>,
    ) -> Self {
        Self { kube, drain, wanted: Mutex::new(wanted), own }
    }

    /// Returns the address of the Nodes of a pool.
    pub fn address(pool: &str) -> Address {
        Address::new(Self::KIND, pool)
    }

    async fn count(&self) -> Result<BTreeMap<String, Count>, CloudError> {
        let nodes = list(&self.kube).await?;
        let mut counts: BTreeMap<String, Count> = BTreeMap::new();
        for node in &nodes {
            if let Some(pool) = pool_of(node, self.drain.label()) {
                counts.entry(pool).or_default().add(node);
            }
        }
        Ok(counts)
    }

    async fn found(&self, pool: &str, count: &Count) -> Found<NodeSetSpec> {
        let wanted = self.wanted.lock().await.get(pool).copied().unwrap_or(0);
        found(pool, count, wanted)
    }
}

/// The Nodes of one pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Count {
    ready: u32,
    waiting: Vec<String>,
}

impl Count {
    /// Returns how many there are, Ready or not.
    fn all(&self) -> u32 {
        self.ready + u32::try_from(self.waiting.len()).unwrap_or(u32::MAX)
    }

    fn add(&mut self, node: &Node) {
        match super::node::readiness(node) {
            Readiness::Ready => self.ready += 1,
            _ => self.waiting.push(node.metadata.name.clone().unwrap_or_default()),
        }
    }
}

/// Returns the name of a Node's pool.
pub(super) fn pool_of(node: &Node, label: &str) -> Option<String> {
    node.metadata.labels.as_ref()?.get(label).cloned()
}

fn found(pool: &str, count: &Count, wanted: u32) -> Found<NodeSetSpec> {
    let readiness = match (count.ready >= wanted, count.waiting.first()) {
        (true, _) => Readiness::Ready,
        (false, None) => {
            Readiness::Pending { reason: format!("{} of {wanted} Nodes are Ready", count.ready) }
        }
        (false, Some(first)) => Readiness::Pending {
            reason: format!("{} of {wanted} Nodes are Ready; {first} is not yet", count.ready),
        },
    };
    Found {
        address: NodeSets::address(pool),
        id: pool.to_owned(),
        // More than that is the pool's own business.
        spec: NodeSetSpec { nodes: count.all().min(wanted) },
        outputs: Outputs::from([("ready".to_owned(), count.ready.into())]).into(),
        readiness,
        intent_key: None,
        made_by: ManagedBy::Infra,
    }
}

#[async_trait]
impl Resource for NodeSets {
    type Spec = NodeSetSpec;

    fn name(&self) -> &'static str {
        Self::KIND
    }

    fn place(&self) -> Place {
        Place::Cluster
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::Update
    }

    fn waits(&self) -> Waits {
        Waits {
            ready: Duration::from_secs(1800),
            recover: Some(super::etcd_member::RECOVER),
            poll_min: Duration::from_millis(300),
            poll_max: Duration::from_secs(5),
            ..Waits::default()
        }
    }

    async fn list_owned(&self, _: &Context) -> Result<Vec<Found<NodeSetSpec>>, CloudError> {
        if !self.kube.exists() {
            return Ok(Vec::new());
        }
        let counts = self.count().await?;
        let mut all = Vec::with_capacity(counts.len());
        let wanted: BTreeSet<String> = self.wanted.lock().await.keys().cloned().collect();
        let is_own = |pool: &String| wanted.contains(pool) || self.own.contains(pool);
        for (pool, count) in counts.iter().filter(|(pool, _)| is_own(pool)) {
            all.push(self.found(pool, count).await);
        }
        Ok(all)
    }

    async fn poll(
        &self,
        _: &Context,
        ids: &[String],
    ) -> Result<Vec<Found<NodeSetSpec>>, CloudError> {
        let counts = self.count().await?;
        let mut all = Vec::with_capacity(ids.len());
        for pool in ids {
            let count = counts.get(pool).cloned().unwrap_or_default();
            all.push(self.found(pool, &count).await);
        }
        Ok(all)
    }

    async fn create(
        &self,
        _: &Context,
        requests: &[(CreateRequest, NodeSetSpec)],
    ) -> Vec<Result<Found<NodeSetSpec>, CloudError>> {
        let mut all = Vec::with_capacity(requests.len());
        for (request, spec) in requests {
            let pool = request.address.name();
            self.wanted.lock().await.insert(pool.to_owned(), spec.nodes);
            let mut one = found(pool, &Count::default(), spec.nodes);
            one.readiness = Readiness::Pending { reason: "waiting for the Nodes".to_owned() };
            all.push(Ok(one));
        }
        all
    }

    async fn update(
        &self,
        _: &Context,
        request: &UpdateRequest,
        spec: NodeSetSpec,
    ) -> Result<Found<NodeSetSpec>, CloudError> {
        let pool = request.observed.address.name();
        self.wanted.lock().await.insert(pool.to_owned(), spec.nodes);
        let counts = self.count().await?;
        Ok(self.found(pool, &counts.get(pool).cloned().unwrap_or_default()).await)
    }

    /// Empties the Nodes of a pool. They go with it, after that.
    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        self.drain.run(cx, &observed.address).await?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn node(name: &str, ready: &str) -> Node {
        serde_json::from_value(json!({
            "metadata": {"name": name, "labels": {"pool": "web"}},
            "status": {"conditions": [{"type": "Ready", "status": ready}]},
        }))
        .unwrap()
    }

    #[test]
    fn enough_ready_nodes_are_ready() {
        let mut count = Count::default();
        count.add(&node("a", "True"));
        count.add(&node("b", "False"));
        assert_eq!(pool_of(&node("a", "True"), "pool").as_deref(), Some("web"));
        assert_eq!(found("web", &count, 1).readiness, Readiness::Ready);
        // One that is not Ready is no difference: it is waited for.
        assert_eq!(found("web", &count, 2).spec, NodeSetSpec { nodes: 2 });
        assert_eq!(found("web", &count, 3).spec, NodeSetSpec { nodes: 2 });
        let Readiness::Pending { reason } = found("web", &count, 2).readiness else {
            panic!("one of two is Ready")
        };
        assert_eq!(reason, "1 of 2 Nodes are Ready; b is not yet");
        // A pool that may be empty is ready without any.
        assert_eq!(found("web", &Count::default(), 0).readiness, Readiness::Ready);
    }
}
