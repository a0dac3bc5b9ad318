//! `node` where the cloud makes the machines: a machine's membership in the cluster. Nodes come and go with
//! their pool; one is created here only if it takes the place of another one, and deleted, drained, if
//! another one takes its place or its pool shrinks.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Kind, ManagedBy, Observed, OnChange, Place,
    Readiness, Resource, UpdateRequest, Waits,
};
use k8s_openapi::api::core::v1::Node;
use kube::{Api, api::ListParams};

use super::{
    kube_access::{KubeAccess, of_kube},
    load_balancer_membership::Traffic,
    node::{NodeSpec, found as found_node, waited_for},
    node_removal::Removal,
    node_set::pool_of,
};
use crate::rotate::DrainOptions;

/// The kind.
pub struct PoolNodes {
    kube: Arc<KubeAccess>,
    traffic: Traffic,
    machine: Option<Arc<dyn Kind>>,
    /// The kind of the pools.
    pool_kind: &'static str,
    /// The label that names a Node's pool.
    label: &'static str,
    drain: DrainOptions,
}

impl PoolNodes {
    /// Makes the kind for Nodes behind `kube`, whose pools are of the kind `pool_kind` and have their name in
    /// `label`, and whose machines are of the kind `machine`.
    pub fn new(
        kube: Arc<KubeAccess>,
        traffic: Traffic,
        machine: Option<Arc<dyn Kind>>,
        pool_kind: &'static str,
        label: &'static str,
        drain: DrainOptions,
    ) -> Self {
        Self { kube, traffic, machine, pool_kind, label, drain }
    }

    fn found(&self, node: &Node) -> Option<Found<NodeSpec>> {
        let pool = pool_of(node, self.label)?;
        let mut found = found_node(node);
        found.spec.slot.clone_from(&found.id);
        let mut outputs = found.outputs.value();
        outputs["pool"] = pool.as_str().into();
        // A Node that is cordoned is the first to go when its pool gets smaller.
        if node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true) {
            outputs["unschedulable"] = true.into();
        }
        let addresses = node.status.iter().flat_map(|status| status.addresses.iter().flatten());
        for address in addresses {
            match address.type_.as_str() {
                "InternalIP" => outputs["private_ip"] = address.address.as_str().into(),
                "ExternalIP" => outputs["public_ip"] = address.address.as_str().into(),
                _ => {}
            }
        }
        found.outputs = outputs.into();
        found.made_by = ManagedBy::Group { group: Address::new(self.pool_kind, pool) };
        Some(found)
    }
}

/// Lists the Nodes of a cluster.
///
/// # Errors
/// Returns an error if the API server refuses or cannot be reached.
pub(super) async fn list(kube: &KubeAccess) -> Result<Vec<Node>, CloudError> {
    let client = kube.client().await?;
    let nodes = Api::<Node>::all(client.raw().clone());
    let nodes = nodes.list(&ListParams::default()).await;
    Ok(nodes.map_err(|error| of_kube("list the nodes", &error))?.items)
}

#[async_trait]
impl Resource for PoolNodes {
    type Spec = NodeSpec;

    fn name(&self) -> &'static str {
        "node"
    }

    fn place(&self) -> Place {
        Place::Cluster
    }

    fn on_change(&self, _field: &str) -> OnChange {
        OnChange::CreateOnly
    }

    fn waits(&self) -> Waits {
        Waits {
            ready: Duration::from_secs(1800),
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
        let nodes = list(&self.kube).await?;
        let mut all: Vec<_> = nodes.iter().filter_map(|node| self.found(node)).collect();
        self.traffic.hold_back(cx, &mut all).await;
        Ok(all)
    }

    async fn poll(&self, cx: &Context, ids: &[String]) -> Result<Vec<Found<NodeSpec>>, CloudError> {
        let nodes = list(&self.kube).await?;
        let of = |id: &String| {
            let node = nodes.iter().find(|node| node.metadata.name.as_ref() == Some(id));
            node.and_then(|node| self.found(node)).unwrap_or_else(|| {
                waited_for(id, Readiness::Pending { reason: "waiting for the Node".to_owned() })
            })
        };
        let mut all: Vec<_> = ids.iter().map(of).collect();
        self.traffic.hold_back(cx, &mut all).await;
        Ok(all)
    }

    async fn create(
        &self,
        _: &Context,
        requests: &[(CreateRequest, NodeSpec)],
    ) -> Vec<Result<Found<NodeSpec>, CloudError>> {
        let pending =
            || Readiness::Pending { reason: "waiting for the machine to join".to_owned() };
        requests
            .iter()
            .map(|(request, _)| Ok(waited_for(request.address.name(), pending())))
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
            etcd: None,
            machine: self.machine.as_ref(),
        };
        removal.remove(cx, observed).await?;
        Ok(true)
    }
}
