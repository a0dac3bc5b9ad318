//! `node_bundle`: what one machine fetches at boot, in the cluster's bucket.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{
    Address, BootingMachine, CloudError, Context, CreateRequest, Found, Input, MachineBoot,
    ManagedBy, Observed, OnChange, Place, RawJson, Readiness, Resource, UpdateRequest,
};
use infra_provisioning::{kubeadm::bootstrap_token_secret, node::remove_node};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{
    bootstrap_data::BootstrapData,
    errors::{local, of_store},
    join_secrets::JOIN_OF,
    kube_access::{KubeAccess, of_kube},
    kubeadm_config::put_settings,
};

/// A node's bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeBundleSpec {
    /// Hash of what the machine boots with.
    pub revision: String,
    /// The API server's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Input<String>>,
}

/// The kind.
#[derive(Clone, Debug)]
pub struct NodeBundles {
    kits: Arc<BootstrapData>,
    kube: Arc<KubeAccess>,
    /// Whether the cluster is up, so that new nodes need their token put into it.
    running: bool,
}

impl NodeBundles {
    /// Bundles of `kits`; with `running`, join tokens are put into the cluster.
    pub fn new(kits: Arc<BootstrapData>, kube: Arc<KubeAccess>, running: bool) -> Self {
        Self { kits, kube, running }
    }

    async fn put_token(&self, node: &str) -> Result<(), CloudError> {
        let operation = format!("put the join token of {node} into the cluster");
        let (token, ttl) = self.kits.token(node).map_err(|error| local(&operation, error))?;
        let expires = (jiff::Timestamp::now() + ttl).strftime("%Y-%m-%dT%H:%M:%SZ");
        let object =
            bootstrap_token_secret(&token, &format!("{JOIN_OF}{node}"), &expires.to_string())
                .ok_or_else(|| local(&operation, "the token has not kubeadm's form"))?;
        let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        let client = self.kube.client().await?;
        Api::<Secret>::namespaced(client.raw().clone(), "kube-system")
            .patch(&name, &PatchParams::apply("infra").force(), &Patch::Apply(object))
            .await
            .map_err(|error| of_kube(&operation, &error))?;
        Ok(())
    }

    async fn make(
        &self,
        node: &str,
        spec: &NodeBundleSpec,
    ) -> Result<Found<NodeBundleSpec>, CloudError> {
        if let Some(host) = spec.api.as_ref().and_then(Input::known) {
            self.kits.set_endpoint(host);
        }
        let published = self.kits.publish(node).await?;
        Ok(found(node, &published.revision))
    }
}

fn found(node: &str, revision: &str) -> Found<NodeBundleSpec> {
    Found {
        address: Address::new("node_bundle", node),
        id: node.to_owned(),
        spec: NodeBundleSpec { revision: revision.to_owned(), api: None },
        outputs: RawJson::default(),
        readiness: Readiness::Ready,
        intent_key: None,
        made_by: ManagedBy::Infra,
    }
}

#[async_trait]
impl MachineBoot for NodeBundles {
    /// Makes the user-data. The join token goes into the cluster right before its machine is
    /// created, so that no token exists for a machine that never was.
    async fn user_data(
        &self,
        machines: &[BootingMachine<'_>],
        limit_bytes: usize,
    ) -> Result<SecretString, CloudError> {
        let user_data = self.kits.user_data(machines, limit_bytes).await?;
        if self.running {
            for machine in machines {
                // It joins with the flags that the cluster has on record, and has the files they name.
                if let Some(settings) = self.kits.control_plane_settings(machine.node) {
                    let keys = self.kits.encryption_keys().map_err(|error| {
                        local(&format!("read the encryption keys for {}", machine.node), error)
                    })?;
                    put_settings(&self.kube, settings, keys.as_ref()).await?;
                }
                self.put_token(machine.node).await?;
            }
        }
        Ok(user_data)
    }
}

#[async_trait]
impl Resource for NodeBundles {
    type Spec = NodeBundleSpec;

    fn name(&self) -> &'static str {
        "node_bundle"
    }

    fn place(&self) -> Place {
        Place::Bucket
    }

    fn on_change(&self, field: &str) -> OnChange {
        if field == "revision" { OnChange::Update } else { OnChange::CreateOnly }
    }

    /// Returns true, because a bundle holds what was valid on the day of its publication: token,
    /// address of the API server, authority. A machine that is created later, perhaps in another
    /// life of the cluster, gets its own.
    fn is_single_use(&self) -> bool {
        true
    }

    async fn list_owned(&self, _: &Context) -> Result<Vec<Found<NodeBundleSpec>>, CloudError> {
        let objects = match self.kits.bucket().list("nodes/").await {
            Ok(objects) => objects,
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => return Err(of_store("list the node bundles", &error)),
        };
        let mut all: Vec<Found<NodeBundleSpec>> = Vec::new();
        for object in objects {
            // nodes/<role>/<node>/<revision>/bundle.tar.gz
            let parts: Vec<&str> = object.key.split('/').collect();
            let ["nodes", _, node, revision, "bundle.tar.gz"] = parts.as_slice() else { continue };
            // Of several revisions of one node any will do: the difference is made good below.
            if all.last().is_none_or(|last| last.id != *node) {
                all.push(found(node, revision));
            }
        }
        Ok(all)
    }

    async fn create(
        &self,
        _: &Context,
        requests: &[(CreateRequest, NodeBundleSpec)],
    ) -> Vec<Result<Found<NodeBundleSpec>, CloudError>> {
        let mut results = Vec::new();
        for (request, spec) in requests {
            results.push(self.make(request.address.name(), spec).await);
        }
        results
    }

    async fn update(
        &self,
        _: &Context,
        request: &UpdateRequest,
        spec: NodeBundleSpec,
    ) -> Result<Found<NodeBundleSpec>, CloudError> {
        let node = request.observed.address.name();
        remove_node(self.kits.bucket(), node)
            .await
            .map_err(|error| of_store(&format!("delete the old bundle of {node}"), &error))?;
        self.make(node, &spec).await
    }

    async fn delete(&self, _: &Context, observed: &Observed) -> Result<bool, CloudError> {
        remove_node(self.kits.bucket(), &observed.id)
            .await
            .map_err(|error| of_store(&format!("delete the bundle of {}", observed.id), &error))?;
        Ok(true)
    }
}
