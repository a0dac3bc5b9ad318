//! `kubelet_certificate`: the certificate that a node's kubelet serves with. The kubelet asks the cluster
//! for it, and asks again before it ends; creating or updating one means approving what it asks for, if
//! that is its own, and waiting until the API server reaches the kubelet by it.
//!
//! It belongs to one life of a machine, and it comes before etcd's member and the Node: the API server
//! forwards ports through the kubelet, also those of etcd.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use futures::{StreamExt, stream};
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Input, ManagedBy, Observed, OnChange,
    Outputs, RawJson, Readiness, Resource, UpdateRequest, Waits,
};
use k8s_openapi::api::core::v1::Node;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    boot_reports::BootReports,
    kube_access::KubeAccess,
    kubelet_approvals::{KubeletApprovals, KubeletServing, PARALLEL, Standing, id_text},
    node::machine_id,
};

const VALID: &str = "valid";

/// The serving certificate of a kubelet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeletCertificateSpec {
    /// The cloud's id of its machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine: Option<Input<Value>>,
    /// `valid`, or what is due: `csr-abcde is pending`.
    pub state: String,
}

impl KubeletCertificateSpec {
    /// Describes the certificate of the kubelet on `machine`, with nothing due.
    pub fn valid(machine: Option<Input<Value>>) -> Self {
        Self { machine, state: VALID.to_owned() }
    }
}

/// The kind.
pub struct KubeletCertificates {
    kube: Arc<KubeAccess>,
    approvals: Arc<KubeletApprovals>,
    boots: Arc<BootReports>,
    /// The cloud's ids of the machines, by name: those that exist when the run begins, and those whose
    /// certificates the run waits for.
    machines: Mutex<BTreeMap<String, Value>>,
}

impl KubeletCertificates {
    /// The kind's name.
    pub const KIND: &'static str = "kubelet_certificate";

    /// Makes the kind for kubelets on `machines`, the cloud's ids by name.
    pub fn new(
        kube: Arc<KubeAccess>,
        approvals: Arc<KubeletApprovals>,
        boots: Arc<BootReports>,
        machines: BTreeMap<String, Value>,
    ) -> Self {
        Self { kube, approvals, boots, machines: Mutex::new(machines) }
    }

    /// Returns the address of a node's certificate.
    pub fn address(node: &str) -> Address {
        Address::new(Self::KIND, node)
    }

    fn machine_of(&self, name: &str) -> Option<Value> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// Notes the machine whose certificate is waited for from now on.
    fn expect(&self, name: &str, spec: &KubeletCertificateSpec) {
        if let Some(id) = spec.machine.as_ref().and_then(Input::known) {
            let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
            machines.insert(name.to_owned(), id.clone());
        }
    }

    /// Returns the id of the machine that a Node is on. One that has just joined does not tell: then it
    /// is the one that exists.
    fn id_of(&self, node: &Node) -> Option<Value> {
        machine_id(node).or_else(|| self.machine_of(node.metadata.name.as_deref()?))
    }

    /// Returns the Nodes that are on the machines which are waited for.
    fn joined(&self, nodes: Vec<Node>) -> Vec<Node> {
        let is_it = |node: &Node| {
            let name = node.metadata.name.as_deref().unwrap_or_default();
            let other = machine_id(node).zip(self.machine_of(name)).filter(|(told, is)| told != is);
            other.is_none()
        };
        nodes.into_iter().filter(is_it).collect()
    }

    async fn standings(
        &self,
        cx: &Context,
        ids: &[String],
    ) -> Result<BTreeMap<String, Standing>, CloudError> {
        let nodes = self.joined(self.approvals.nodes().await?);
        let is_there = |name: &String| {
            nodes.iter().any(|node| node.metadata.name.as_deref() == Some(name.as_str()))
        };
        let there = ids.iter().filter(|name| is_there(name));
        let wanted: BTreeMap<String, String> = there
            .filter_map(|name| Some((name.clone(), id_text(&self.machine_of(name)?))))
            .collect();
        self.approvals.settle(cx, &nodes, &wanted).await
    }

    async fn readiness(&self, name: &str, standing: &Standing) -> Readiness {
        match standing {
            Standing::Awaited(reason) => Readiness::Pending { reason: reason.clone() },
            Standing::Valid(_) | Standing::Denied(_) => match self.approvals.probe(name).await {
                Ok(()) => Readiness::Ready,
                Err(error) => Readiness::Pending { reason: format!("signed; {error}") },
            },
        }
    }

    fn found(
        &self,
        name: &str,
        spec: KubeletCertificateSpec,
        serving: Option<&KubeletServing>,
        readiness: Readiness,
    ) -> Found<KubeletCertificateSpec> {
        let mut outputs = Outputs::new();
        if let Some(serving) = serving {
            let end = serving.not_after.map(|at| json!(at.to_string()));
            let sum = serving.sha256.as_ref().map(|sum| json!(format!("sha256:{sum}")));
            let known = [("not_after", end), ("fingerprint", sum)].into_iter();
            outputs.extend(known.filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        Found {
            address: Self::address(name),
            id: name.to_owned(),
            spec,
            outputs: if outputs.is_empty() { RawJson::default() } else { outputs.into() },
            readiness,
            intent_key: None,
            made_by: ManagedBy::Infra,
        }
    }

    fn spec_of(&self, name: &str) -> KubeletCertificateSpec {
        KubeletCertificateSpec::valid(self.machine_of(name).map(Input::Known))
    }

    fn awaited(&self, name: &str, reason: String) -> Found<KubeletCertificateSpec> {
        self.found(name, self.spec_of(name), None, Readiness::Pending { reason })
    }
}

#[async_trait]
impl Resource for KubeletCertificates {
    type Spec = KubeletCertificateSpec;

    fn name(&self) -> &'static str {
        Self::KIND
    }

    fn place(&self) -> infra_provider_api::Place {
        infra_provider_api::Place::Cluster
    }

    fn on_change(&self, field: &str) -> OnChange {
        if field == "machine" { OnChange::Replace } else { OnChange::Update }
    }

    fn waits(&self) -> Waits {
        Waits {
            // The machine boots meanwhile.
            ready: Duration::from_secs(900),
            poll_min: Duration::from_millis(200),
            poll_max: Duration::from_secs(3),
            ..Waits::default()
        }
    }

    async fn list_owned(
        &self,
        _: &Context,
    ) -> Result<Vec<Found<KubeletCertificateSpec>>, CloudError> {
        if !self.kube.exists() {
            return Ok(Vec::new());
        }
        let nodes = self.approvals.nodes().await?;
        let id_of = |node: &Node| self.id_of(node).as_ref().map(id_text);
        let mut due = self.approvals.due(&nodes, &id_of).await?;
        let mut all = Vec::with_capacity(due.len());
        for node in &nodes {
            let name = node.metadata.name.as_deref().unwrap_or_default();
            let Some((serving, due)) = due.remove(name) else { continue };
            let spec = KubeletCertificateSpec {
                machine: self.id_of(node).map(Input::Known),
                state: due.unwrap_or_else(|| VALID.to_owned()),
            };
            all.push(self.found(name, spec, Some(&serving), Readiness::Ready));
        }
        Ok(all)
    }

    async fn poll(
        &self,
        cx: &Context,
        ids: &[String],
    ) -> Result<Vec<Found<KubeletCertificateSpec>>, CloudError> {
        // The API server may be away while control planes join; that is no answer about a kubelet.
        let (standings, failed) = match self.standings(cx, ids).await {
            Ok(standings) => (standings, None),
            Err(error) => (BTreeMap::new(), Some(error.to_string())),
        };
        let all_there = ids.iter().all(|id| standings.contains_key(id));
        let broken = if all_there { BTreeMap::new() } else { self.boots.broken(cx).await };
        let booted = failed.as_deref().unwrap_or("waiting for the Node");
        let mut all = Vec::with_capacity(ids.len());
        for id in ids {
            let (standing, broken) = (standings.get(id), broken.get(id));
            all.push(async move {
                let readiness = match (standing, broken) {
                    (Some(standing), _) => self.readiness(id, standing).await,
                    (None, Some(why)) => self.boots.failed(id, why),
                    (None, None) => self.boots.readiness(id, booted).await,
                };
                let serving = standing.and_then(Standing::serving);
                self.found(id, self.spec_of(id), serving, readiness)
            });
        }
        Ok(stream::iter(all).buffered(PARALLEL).collect().await)
    }

    async fn create(
        &self,
        _: &Context,
        requests: &[(CreateRequest, KubeletCertificateSpec)],
    ) -> Vec<Result<Found<KubeletCertificateSpec>, CloudError>> {
        let reason = "waiting for its kubelet to ask for a certificate";
        requests
            .iter()
            .map(|(request, spec)| {
                self.expect(request.address.name(), spec);
                Ok(self.awaited(request.address.name(), reason.to_owned()))
            })
            .collect()
    }

    async fn update(
        &self,
        _: &Context,
        request: &UpdateRequest,
        spec: KubeletCertificateSpec,
    ) -> Result<Found<KubeletCertificateSpec>, CloudError> {
        let name = &request.observed.id;
        self.expect(name, &spec);
        let due = request.observed.spec.text("state").unwrap_or_default();
        Ok(self.awaited(name, due))
    }

    async fn delete(&self, _: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let meant = observed.spec.get("machine").filter(|id| !id.is_null());
        let is_meant = |node: &Node| match (machine_id(node), &meant) {
            (Some(there), Some(meant)) => id_text(&there) == id_text(meant),
            _ => true,
        };
        self.approvals.forget(&observed.id, &is_meant).await?;
        Ok(true)
    }
}
