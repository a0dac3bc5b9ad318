//! The requests of kubelets for serving certificates, where they are decided: approved, denied, and noted
//! on the Node once they are signed.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::{StreamExt, stream};
use http::Request;
use infra_provider_api::{CloudError, Context, ErrorKind, Kind, Observed};
use infra_ssl::{Names, certificate_facts};
use jiff::Timestamp;
use k8s_openapi::api::{certificates::v1::CertificateSigningRequest, core::v1::Node};
use kube::{
    Api, Client,
    api::{ListParams, Patch, PatchParams},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    kube_access::{KubeAccess, again, of_kube},
    kubelet_request::{Decision, KubeletRequest, Machine, SIGNER, decide, issued, lacking},
};

/// The annotation of a Node with what is known of its kubelet's serving certificate. Requests are deleted
/// an hour after they were signed. A node can change its own; then it deceives itself alone, for whatever
/// it asks for is judged by what the cloud says.
const ANNOTATION: &str = "infra.dev/kubelet-certificate";
/// Calls to the API server at the same time.
pub(super) const PARALLEL: usize = 16;
/// How long a kubelet may take to answer.
const PROBE_MAX: Duration = Duration::from_secs(5);
const REASON: &str = "infra";

/// What is known of a kubelet's serving certificate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KubeletServing {
    /// When it ends; `None` if the request for it was gone before it was noted, and the API server
    /// accepts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
    /// SHA-256 of the certificate, if it was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// The names and addresses in it.
    pub names: Vec<String>,
}

impl KubeletServing {
    /// Reads what is noted on a Node.
    pub fn noted(node: &Node) -> Option<Self> {
        let noted = node.metadata.annotations.as_ref()?.get(ANNOTATION)?;
        serde_json::from_str(noted).ok()
    }

    fn of(pem: &str) -> Option<Self> {
        let facts = certificate_facts(pem).ok()?;
        Some(Self {
            not_after: Some(facts.not_after),
            sha256: Some(facts.sha256()),
            names: facts.names.texts(),
        })
    }

    /// Describes a certificate that the API server accepts, and that nobody here has seen.
    fn unseen(node: &Node) -> Self {
        Self { not_after: None, sha256: None, names: addresses(node) }
    }

    fn has_ended(&self, now: Timestamp) -> bool {
        self.not_after.is_some_and(|at| at <= now)
    }

    /// Returns true if the certificate has ended, or lacks a name of the Node.
    fn is_due(&self, node: &Node) -> bool {
        self.has_ended(Timestamp::now()) || self.lacks(node).is_some()
    }

    fn end(&self) -> String {
        self.not_after.map(|at| at.to_string()).unwrap_or_default()
    }

    /// Returns the first address or name of the Node that the certificate is not valid for.
    fn lacks(&self, node: &Node) -> Option<String> {
        let names = Names::parse(&self.names).unwrap_or_default();
        lacking(&names, &addresses(node)).map(str::to_owned)
    }
}

/// How far a node's serving certificate is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is there, and it is valid for all that the Node is called.
    Valid(KubeletServing),
    /// Something is awaited; what it is.
    Awaited(String),
    /// The last request was denied, and there is a certificate of before.
    Denied(KubeletServing),
}

impl Standing {
    /// Returns the certificate that is there.
    pub(super) fn serving(&self) -> Option<&KubeletServing> {
        match self {
            Self::Valid(serving) | Self::Denied(serving) => Some(serving),
            Self::Awaited(_) => None,
        }
    }
}

/// The requests of all kubelets.
pub struct KubeletApprovals {
    kube: Arc<KubeAccess>,
    /// The kind of the machines.
    machine: Option<Arc<dyn Kind>>,
    /// What the cloud says of machines, by their ids.
    machines: Mutex<BTreeMap<String, Machine>>,
    /// What was denied, or is to be: a line each.
    remarks: Mutex<BTreeSet<String>>,
}

impl KubeletApprovals {
    /// Makes the approvals behind `kube`. `machines` exist and are of the kind `machine`.
    pub fn new<'a>(
        kube: Arc<KubeAccess>,
        machine: Option<Arc<dyn Kind>>,
        machines: impl Iterator<Item = &'a Observed>,
    ) -> Self {
        let known = machines.map(|one| (one.id.clone(), described(one)));
        Self { kube, machine, machines: Mutex::new(known.collect()), remarks: Mutex::default() }
    }

    /// Takes what was denied since the last call, or is to be denied, a line each.
    pub fn remarks(&self) -> Vec<String> {
        let mut remarks = self.remarks.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *remarks).into_iter().collect()
    }

    fn remark(&self, text: String) {
        self.remarks.lock().unwrap_or_else(PoisonError::into_inner).insert(text);
    }

    /// Lists the Nodes.
    pub(super) async fn nodes(&self) -> Result<Vec<Node>, CloudError> {
        let api = Api::<Node>::all(self.client().await?);
        let nodes = again(|| async { api.list(&ListParams::default()).await }).await;
        Ok(nodes.map_err(|error| of_kube("list the nodes", &error))?.items)
    }

    async fn client(&self) -> Result<Client, CloudError> {
        Ok(self.kube.client().await?.raw().clone())
    }

    /// Lists the requests for serving certificates, by the node that asked.
    async fn requests(
        &self,
        client: &Client,
    ) -> Result<BTreeMap<String, Vec<KubeletRequest>>, CloudError> {
        let of_signer = ListParams::default().fields(&format!("spec.signerName={SIGNER}"));
        let api = Api::<CertificateSigningRequest>::all(client.clone());
        let all = again(|| async { api.list(&of_signer).await }).await;
        let all = all.map_err(|error| of_kube("list the requests for certificates", &error))?;
        let mut by_node: BTreeMap<String, Vec<KubeletRequest>> = BTreeMap::new();
        for request in all.items.into_iter().map(KubeletRequest::of) {
            if let Some(node) = request.node() {
                by_node.entry(node.to_owned()).or_default().push(request);
            }
        }
        Ok(by_node)
    }

    /// Says for each Node with a certificate what is due, without deciding anything: `None` if nothing is.
    pub(super) async fn due(
        &self,
        nodes: &[Node],
        id_of: &(dyn Fn(&Node) -> Option<String> + Sync),
    ) -> Result<BTreeMap<String, (KubeletServing, Option<String>)>, CloudError> {
        let requests = self.requests(&self.client().await?).await?;
        let now = Timestamp::now();
        let mut all = BTreeMap::new();
        for node in nodes {
            let Some(name) = &node.metadata.name else { continue };
            let machine = id_of(node).and_then(|id| self.known(&id));
            let asked: Vec<&KubeletRequest> = requests.get(name).into_iter().flatten().collect();
            let decision = machine.map(|machine| decide(&asked, &machine)).unwrap_or_default();
            for (request, why) in &decision.deny {
                self.remark(format!("the request {request} of {name} will be denied: {why}"));
            }
            let Some(serving) = KubeletServing::noted(node) else { continue };
            let due = match &decision {
                Decision { approve: Some(request), .. } => Some(format!("{request} is pending")),
                Decision { deny, .. } if !deny.is_empty() => {
                    Some(format!("{} asks for something else", deny[0].0))
                }
                _ if serving.has_ended(now) => Some(format!("it ended at {}", serving.end())),
                _ => serving.lacks(node).map(|lacks| format!("it lacks {lacks}")),
            };
            all.insert(name.clone(), (serving, due));
        }
        Ok(all)
    }

    fn known(&self, id: &str) -> Option<Machine> {
        self.machines.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    /// Asks the cloud for machines, by their ids.
    async fn poll(&self, cx: &Context, ids: &[String]) -> Result<(), CloudError> {
        let Some(kind) = self.machine.as_ref().filter(|_| !ids.is_empty()) else { return Ok(()) };
        let seen = kind.poll(cx, ids).await?;
        let mut machines = self.machines.lock().unwrap_or_else(PoisonError::into_inner);
        machines.extend(seen.iter().map(|one| (one.id.clone(), described(one))));
        Ok(())
    }

    /// Decides the requests of the nodes in `wanted`, which are on the machines with these ids, and says
    /// how far each is.
    ///
    /// # Errors
    /// Returns an error if the API server or the cloud can't be asked.
    pub(super) async fn settle(
        &self,
        cx: &Context,
        nodes: &[Node],
        wanted: &BTreeMap<String, String>,
    ) -> Result<BTreeMap<String, Standing>, CloudError> {
        let client = self.client().await?;
        let requests = self.requests(&client).await?;
        let asked = |name: &str| -> Vec<&KubeletRequest> {
            requests.get(name).into_iter().flatten().collect()
        };
        // Addresses change while a machine is made, and when it is started again: what would be denied
        // is judged once more by what the cloud says now.
        let decision =
            |name: &str, id: &str| self.known(id).map(|machine| decide(&asked(name), &machine));
        let stale = wanted.iter().filter(|(name, id)| {
            !asked(name).is_empty() && decision(name, id).is_none_or(|it| !it.deny.is_empty())
        });
        let stale: Vec<String> = stale.map(|(_, id)| id.clone()).collect();
        // Nobody is denied by what may be outdated.
        let unknown = self.poll(cx, &stale).await.err().map(|why| why.to_string());

        let by_name =
            |name: &str| nodes.iter().find(|node| node.metadata.name.as_deref() == Some(name));
        let mut all = Vec::with_capacity(wanted.len());
        for (name, id) in wanted {
            let (client, asked, node) = (client.clone(), asked(name), by_name(name));
            let decision = decision(name, id).unwrap_or_default();
            let unknown = unknown.clone().filter(|_| stale.contains(id));
            all.push(async move {
                if let Some(why) = unknown {
                    return (name.clone(), Standing::Awaited(why));
                }
                let standing = self.settle_one(&client, name, node, &asked, decision).await;
                // What fails for one node holds up no other.
                let standing = standing.unwrap_or_else(|why| Standing::Awaited(why.to_string()));
                (name.clone(), standing)
            });
        }
        Ok(stream::iter(all).buffer_unordered(PARALLEL).collect().await)
    }

    async fn settle_one(
        &self,
        client: &Client,
        name: &str,
        node: Option<&Node>,
        asked: &[&KubeletRequest],
        decision: Decision,
    ) -> Result<Standing, CloudError> {
        for (request, why) in &decision.deny {
            let message = format!("infra denies it: {why}");
            self.condition(client, asked, request, "Denied", &message).await?;
            self.remark(format!("the request {request} of {name} was denied: {why}"));
        }
        if let Some(request) = &decision.approve {
            let message =
                format!("infra approves it: it asks for {name}'s own names and addresses");
            self.condition(client, asked, request, "Approved", &message).await?;
            return Ok(Standing::Awaited(format!("{request} is approved, and not signed yet")));
        }
        let Some(node) = node else {
            return Ok(Standing::Awaited("waiting for the Node".to_owned()));
        };
        let noted = KubeletServing::noted(node);
        // Requests of one second have no order, and a node may ask for less than its kubelet did: what
        // counts is a certificate that names all of the Node, and lasts longest.
        let all = issued(asked).filter_map(KubeletServing::of).chain(noted.clone());
        let best = all.max_by_key(|one| (one.lacks(node).is_none(), one.not_after));
        let best = match (best, decision.deny.first()) {
            (None, Some((request, why))) => {
                return Ok(Standing::Awaited(format!("{request} is denied: {why}")));
            }
            // Requests are deleted after an hour, and a Node that is registered again has no note. The
            // kubelet keeps its certificate, and does not ask again before it nears its end.
            (None, None) => self.unseen(name, node).await,
            (Some(best), None) if asked.is_empty() && best.is_due(node) => {
                Some(self.unseen(name, node).await.unwrap_or(best))
            }
            (best, _) => best,
        };
        let Some(serving) = best else {
            let text = "waiting for its kubelet to ask for a certificate".to_owned();
            return Ok(Standing::Awaited(text));
        };
        if noted.as_ref() != Some(&serving) {
            self.note(client, node, &serving).await?;
        }
        Ok(match serving.lacks(node) {
            None if !serving.has_ended(Timestamp::now()) => Standing::Valid(serving),
            _ if !decision.deny.is_empty() => Standing::Denied(serving),
            Some(lacks) => Standing::Awaited(format!("waiting for its kubelet to ask for {lacks}")),
            None => Standing::Awaited(format!("the certificate ended at {}", serving.end())),
        })
    }

    /// Returns what is known of a certificate that nobody here has seen, if the API server accepts it.
    async fn unseen(&self, name: &str, node: &Node) -> Option<KubeletServing> {
        self.probe(name).await.is_ok().then(|| KubeletServing::unseen(node))
    }

    async fn condition(
        &self,
        client: &Client,
        asked: &[&KubeletRequest],
        request: &str,
        kind: &str,
        message: &str,
    ) -> Result<(), CloudError> {
        let operation = format!("decide about {request}");
        let now = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        // One that was made anew under this name is another one, which nobody has judged.
        let uid = asked.iter().find(|one| one.name == request).map(|one| &one.uid);
        let patch = json!({"metadata": {"uid": uid}, "status": {"conditions": [{
            "type": kind, "status": "True", "reason": REASON, "message": message, "lastUpdateTime": now,
        }]}});
        let api = Api::<CertificateSigningRequest>::all(client.clone());
        let params = PatchParams::default();
        let patch = Patch::Strategic(&patch);
        match again(|| async { api.patch_approval(request, &params, &patch).await }).await {
            Ok(_) => Ok(()),
            // It has expired; its kubelet asks again.
            Err(kube::Error::Api(status)) if is_another(&status) => Ok(()),
            Err(error) => Err(of_kube(&operation, &error)),
        }
    }

    async fn note(
        &self,
        client: &Client,
        node: &Node,
        serving: &KubeletServing,
    ) -> Result<(), CloudError> {
        let text = serde_json::to_string(serving).unwrap_or_default();
        self.annotate(client, node, Some(text)).await
    }

    /// Takes back what is noted on the Node `name`, if it is the one on the machine `id`.
    pub(super) async fn forget(
        &self,
        name: &str,
        is_meant: &(dyn Fn(&Node) -> bool + Sync),
    ) -> Result<(), CloudError> {
        let client = self.client().await?;
        let api = Api::<Node>::all(client.clone());
        let node = again(|| async { api.get_opt(name).await }).await;
        let node = node.map_err(|error| of_kube(&format!("read the Node {name}"), &error))?;
        match node.filter(|node| KubeletServing::noted(node).is_some() && is_meant(node)) {
            Some(node) => self.annotate(&client, &node, None).await,
            None => Ok(()),
        }
    }

    async fn annotate(
        &self,
        client: &Client,
        node: &Node,
        text: Option<String>,
    ) -> Result<(), CloudError> {
        let name = node.metadata.name.as_deref().unwrap_or_default();
        // Another Node of the same name is another machine's.
        let patch =
            json!({"metadata": {"uid": node.metadata.uid, "annotations": {ANNOTATION: text}}});
        let api = Api::<Node>::all(client.clone());
        let (params, patch) = (PatchParams::default(), Patch::Merge(&patch));
        match again(|| async { api.patch(name, &params, &patch).await }).await {
            Ok(_) => Ok(()),
            Err(kube::Error::Api(status)) if is_another(&status) => Ok(()),
            Err(error) => Err(of_kube(&format!("annotate the Node {name}"), &error)),
        }
    }

    /// Asks the kubelet of `name` for its health through the API server, which checks its certificate.
    ///
    /// # Errors
    /// Returns what the API server says if it does not reach it.
    pub(super) async fn probe(&self, name: &str) -> Result<(), CloudError> {
        let operation = format!("reach the kubelet of {name}");
        let client = self.client().await?;
        let request = Request::get(format!("/api/v1/nodes/{name}/proxy/healthz"))
            .body(Vec::new())
            .map_err(|error| CloudError::new(ErrorKind::Local, &operation, error.to_string()))?;
        match tokio::time::timeout(PROBE_MAX, client.request_text(request)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) => Err(of_kube(&operation, &error)),
            Err(_) => {
                let message = format!("no answer within {} s", PROBE_MAX.as_secs());
                Err(CloudError::new(ErrorKind::Unavailable, &operation, message))
            }
        }
    }
}

/// Returns the addresses and names of a Node.
fn addresses(node: &Node) -> Vec<String> {
    let addresses = node.status.iter().flat_map(|status| status.addresses.iter().flatten());
    addresses.map(|one| one.address.clone()).collect()
}

/// Reads what the cloud says of a machine.
fn described(machine: &Observed) -> Machine {
    let text = |name: &&str| machine.outputs.text(name);
    let addresses = ["private_ip", "public_ip"];
    let addresses = addresses.iter().filter_map(text).filter_map(|ip| ip.parse().ok());
    Machine {
        node: machine.address.name().to_owned(),
        addresses: addresses.collect(),
        names: ["private_dns", "public_dns"].iter().filter_map(text).collect(),
    }
}

/// Reports whether the kubelets of a cluster ask for serving certificates, as those that join are set up;
/// `None` if the API server can't be asked.
pub async fn kubelets_ask(kube: &KubeAccess) -> Option<bool> {
    let config = super::kubeadm_config::read_value(kube, "kubelet-config", "kubelet").await?;
    Some(config.get("serverTLSBootstrap").and_then(serde_yaml_ng::Value::as_bool) == Some(true))
}

/// Converts an id as it is in a spec to the id that the cloud's kinds have.
pub(super) fn id_text(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// Returns true if what a patch names by its UID is not there any more: it is gone, or another one has
/// its name. The UID of an object is immutable, so the API server calls the latter invalid (422).
fn is_another(status: &kube::core::Status) -> bool {
    let causes = status.details.iter().flat_map(|details| &details.causes);
    let is_uid = causes.into_iter().any(|cause| cause.field == "metadata.uid");
    matches!(status.code, 404 | 409) || status.code == 422 && is_uid
}
