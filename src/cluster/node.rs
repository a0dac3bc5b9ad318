//! `node`: a machine's membership in the cluster. Creating one means waiting until it has joined
//! and is Ready; deleting one means cordon, drain, and removing the Node.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Input, Kind, ManagedBy, Observed, OnChange,
    Outputs, Place, RawJson, Readiness, Resource, UpdateRequest, Waits,
};
use k8s_openapi::api::core::v1::Node;
use kube::{Api, api::ListParams};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    boot_reports::BootReports,
    join_secrets::JoinSecrets,
    kube_access::{KubeAccess, of_kube},
    kubelet_approvals::{KubeletApprovals, Standing, id_text},
    load_balancer_membership::Traffic,
    node_removal::Removal,
};
use crate::{etcd::EtcdAccess, rotate::DrainOptions};

/// A node.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSpec {
    /// The slot it fills.
    pub slot: String,
    /// The cloud's id of its machine. A machine that is created again under the same name is another
    /// member: the old one's Node must go before, or it would be taken for ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Input<Value>>,
}

/// The kind.
pub struct Nodes {
    boots: Arc<BootReports>,
    kube: Arc<KubeAccess>,
    drain: DrainOptions,
    traffic: Traffic,
    /// The kind of the machines.
    machine: Option<Arc<dyn Kind>>,
    /// The cloud's ids of the machines, by name: those that exist when the run begins, and from its
    /// create on that of each machine which the run itself creates.
    machines: Mutex<BTreeMap<String, Value>>,
    /// What machines join with, deleted when they have.
    secrets: Option<JoinSecrets>,
    /// Nodes whose join tokens are gone.
    joined: Mutex<BTreeSet<String>>,
    /// The way to etcd, whose members some of them are.
    etcd: Option<Arc<EtcdAccess>>,
    /// The requests of their kubelets for certificates, where the cluster signs them.
    approvals: Option<Arc<KubeletApprovals>>,
}

impl Nodes {
    /// Makes the kind for nodes behind `kube`, on machines of the kind `machine`. `machines` are
    /// the cloud's ids of those that exist, by name.
    pub fn new(
        boots: Arc<BootReports>,
        kube: Arc<KubeAccess>,
        drain: DrainOptions,
        traffic: Traffic,
        machine: Option<Arc<dyn Kind>>,
        machines: BTreeMap<String, Value>,
    ) -> Self {
        let (machines, joined) = (Mutex::new(machines), Mutex::default());
        let (secrets, etcd, approvals) = (None, None, None);
        Self { boots, kube, drain, traffic, machine, machines, secrets, joined, etcd, approvals }
    }

    fn machine_of(&self, name: &str) -> Option<Value> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Notes the machine whose Node is waited for from now on.
    fn expect(&self, name: &str, machine: Option<&Input<Value>>) {
        if let Some(id) = machine.and_then(Input::known) {
            let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
            machines.insert(name.to_owned(), id.clone());
        }
        // The earlier Node's token is gone; the new machine joins with one of its own.
        if let Ok(mut joined) = self.joined.lock() {
            joined.remove(name);
        }
    }

    /// Sets `secrets`, which deletes the tokens that nodes have joined with.
    #[must_use]
    pub fn with_secrets(mut self, secrets: JoinSecrets) -> Self {
        self.secrets = Some(secrets);
        self
    }

    /// Sets the way to etcd, in which no node leads any more when it goes.
    #[must_use]
    pub fn with_etcd(mut self, etcd: Arc<EtcdAccess>) -> Self {
        self.etcd = Some(etcd);
        self
    }

    /// Sets `approvals`, which approve the certificates of kubelets.
    #[must_use]
    pub fn with_approvals(mut self, approvals: Option<Arc<KubeletApprovals>>) -> Self {
        self.approvals = approvals;
        self
    }

    /// Keeps a node pending until its kubelet has a certificate for all addresses that the Node has: the
    /// cloud controller manager gives it more, and the kubelet asks once more for those.
    async fn wait_for_certificates(
        &self,
        cx: &Context,
        there: &[Node],
        nodes: &mut [Found<NodeSpec>],
    ) {
        let Some(approvals) = &self.approvals else { return };
        let ready = nodes.iter().filter(|node| node.readiness == Readiness::Ready);
        let wanted: BTreeMap<String, String> = ready
            .filter_map(|node| {
                Some((node.id.clone(), id_text(node.spec.machine.as_ref()?.known()?)))
            })
            .collect();
        if wanted.is_empty() {
            return;
        }
        let settled = approvals.settle(cx, there, &wanted).await;
        for node in nodes.iter_mut().filter(|node| wanted.contains_key(&node.id)) {
            let reason = match settled.as_ref().map(|settled| settled.get(&node.id)) {
                Ok(Some(Standing::Awaited(reason))) => format!("Ready, {reason}"),
                Ok(_) => continue,
                Err(error) => format!("Ready; its certificate can't be seen: {error}"),
            };
            node.readiness = Readiness::Pending { reason };
        }
    }

    /// Deletes the tokens of nodes that are Ready. The end of the run sweeps those that cannot be
    /// deleted now.
    async fn end_joins(&self, nodes: &[Found<NodeSpec>]) {
        let Some(secrets) = &self.secrets else { return };
        let ready = nodes.iter().filter(|node| node.readiness == Readiness::Ready);
        let mut new: BTreeSet<String> = ready.map(|node| node.id.clone()).collect();
        if let Ok(joined) = self.joined.lock() {
            new.retain(|name| !joined.contains(name));
        }
        if new.is_empty() || secrets.delete_tokens(&|node| !new.contains(node)).await.is_err() {
            return;
        }
        if let Ok(mut joined) = self.joined.lock() {
            joined.extend(new);
        }
    }

    /// Describes a Node. One that has just joined does not name its machine yet: then it is the one
    /// that exists.
    fn found(&self, node: &Node) -> Found<NodeSpec> {
        let mut found = found(node);
        let there = || self.machine_of(&found.id).map(Input::Known);
        found.spec.machine = found.spec.machine.take().or_else(there);
        found
    }

    /// Returns the Node `name`, unless it tells of another machine than the one that is waited for.
    fn joined<'a>(&self, nodes: &'a [Node], name: &str) -> Option<&'a Node> {
        let node = nodes.iter().find(|node| node.metadata.name.as_deref() == Some(name))?;
        let other = machine_id(node).zip(self.machine_of(name)).filter(|(told, is)| told != is);
        other.is_none().then_some(node)
    }

    async fn list(&self) -> Result<Vec<Node>, CloudError> {
        let client = self.kube.client().await?;
        let nodes = Api::<Node>::all(client.raw().clone())
            .list(&ListParams::default())
            .await
            .map_err(|error| of_kube("list the nodes", &error))?;
        Ok(nodes.items)
    }
}

pub(super) fn readiness(node: &Node) -> Readiness {
    let ready = node
        .status
        .iter()
        .flat_map(|status| status.conditions.iter().flatten())
        .find(|condition| condition.type_ == "Ready");
    let uninitialised = node
        .spec
        .iter()
        .flat_map(|spec| spec.taints.iter().flatten())
        .any(|taint| taint.key == "node.cloudprovider.kubernetes.io/uninitialized");
    match ready {
        Some(condition) if condition.status == "True" && uninitialised => {
            Readiness::Pending { reason: "Ready, waiting for the cloud controller manager".into() }
        }
        Some(condition) if condition.status == "True" => Readiness::Ready,
        Some(condition) => Readiness::Pending {
            reason: format!(
                "NotReady: {}",
                condition.message.clone().or(condition.reason.clone()).unwrap_or_default()
            ),
        },
        None => Readiness::Pending { reason: "joined, no status yet".into() },
    }
}

/// Returns the cloud's id of a Node's machine: `digitalocean://123`, `aws:///eu-central-1a/i-0abc`.
pub(super) fn machine_id(node: &Node) -> Option<Value> {
    let id = node.spec.as_ref()?.provider_id.as_ref()?.rsplit('/').next()?;
    Some(id.parse::<u64>().map_or_else(|_| id.into(), Value::from))
}

pub(super) fn found(node: &Node) -> Found<NodeSpec> {
    let name = node.metadata.name.clone().unwrap_or_default();
    let slot = infra_provider_api::NodeSlot::parse_name(&name).0;
    let mut outputs = Outputs::new();
    // Tells this Node from a later one of its name.
    if let Some(uid) = &node.metadata.uid {
        outputs.insert("uid".into(), uid.clone().into());
    }
    if let Some(info) = node.status.as_ref().and_then(|status| status.node_info.as_ref()) {
        outputs.insert("kubelet_version".into(), info.kubelet_version.clone().into());
    }
    Found {
        address: Address::new("node", &name),
        id: name,
        spec: NodeSpec { slot, machine: machine_id(node).map(Input::Known) },
        outputs: outputs.into(),
        readiness: readiness(node),
        intent_key: None,
        made_by: ManagedBy::Infra,
    }
}

pub(super) fn waited_for(name: &str, readiness: Readiness) -> Found<NodeSpec> {
    Found {
        address: Address::new("node", name),
        id: name.to_owned(),
        spec: NodeSpec { slot: infra_provider_api::NodeSlot::parse_name(name).0, machine: None },
        outputs: RawJson::default(),
        readiness,
        intent_key: None,
        made_by: ManagedBy::Infra,
    }
}

#[async_trait]
impl Resource for Nodes {
    type Spec = NodeSpec;

    fn name(&self) -> &'static str {
        "node"
    }

    fn place(&self) -> Place {
        Place::Cluster
    }

    fn on_change(&self, field: &str) -> OnChange {
        if field == "machine" { OnChange::Replace } else { OnChange::CreateOnly }
    }

    fn waits(&self) -> Waits {
        Waits {
            ready: Duration::from_secs(900),
            recover: Some(super::etcd_member::RECOVER),
            poll_min: Duration::from_millis(200),
            poll_max: Duration::from_secs(3),
            ..Waits::default()
        }
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<NodeSpec>>, CloudError> {
        if !self.kube.exists() {
            return Ok(Vec::new());
        }
        let mut nodes: Vec<_> = self.list().await?.iter().map(|node| self.found(node)).collect();
        self.traffic.hold_back(cx, &mut nodes).await;
        Ok(nodes)
    }

    async fn poll(&self, cx: &Context, ids: &[String]) -> Result<Vec<Found<NodeSpec>>, CloudError> {
        // The API server may be away while control planes join; that is no answer about a node.
        let nodes = self.list().await.unwrap_or_default();
        let all_joined = ids.iter().all(|id| self.joined(&nodes, id).is_some());
        let broken = if all_joined { BTreeMap::new() } else { self.boots.broken(cx).await };
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            all.push(match self.joined(&nodes, id) {
                Some(node) => self.found(node),
                None => waited_for(
                    id,
                    match broken.get(id) {
                        Some(why) => self.boots.failed(id, why),
                        None => self.boots.readiness(id, "waiting for the Node").await,
                    },
                ),
            });
        }
        self.traffic.hold_back(cx, &mut all).await;
        self.end_joins(&all).await;
        self.wait_for_certificates(cx, &nodes, &mut all).await;
        Ok(all)
    }

    async fn create(
        &self,
        _: &Context,
        requests: &[(CreateRequest, NodeSpec)],
    ) -> Vec<Result<Found<NodeSpec>, CloudError>> {
        let reason = "waiting for the machine to join".to_owned();
        requests
            .iter()
            .map(|(request, spec)| {
                self.expect(request.address.name(), spec.machine.as_ref());
                let pending = Readiness::Pending { reason: reason.clone() };
                Ok(waited_for(request.address.name(), pending))
            })
            .collect()
    }

    async fn update(
        &self,
        _: &Context,
        request: &UpdateRequest,
        _: NodeSpec,
    ) -> Result<Found<NodeSpec>, CloudError> {
        Ok(waited_for(&request.observed.id, request.observed.readiness.clone()))
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let client = self.kube.client().await?;
        let removal = Removal {
            client: client.raw(),
            drain: &self.drain,
            etcd: self.etcd.as_deref(),
            machine: self.machine.as_ref(),
        };
        removal.remove(cx, observed).await?;
        Ok(true)
    }
}
