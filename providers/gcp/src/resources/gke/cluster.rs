//! `gke_cluster`: a control plane that Google runs. The label `infra-owner` in the create call itself is the
//! mark.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD};
use google_cloud_container_v1::model::{Cluster, Operation, cluster::Status};
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, KnownResource, ManagedBy,
    Observed, OnChange, Presence, Resource, UpdateRequest, Waits,
};
use serde_json::json;

use super::{
    cluster_spec::{GkeClusterSpec, spec_of, wire},
    own::labels_of,
    pool_spec, readiness,
};
use crate::{
    container::{ClusterPath, Fresh, Target, pick},
    ownership,
    resources::api::{Api, each, name_taken, not_made, operation, outputs, vanished},
};

/// The kind's name.
pub(crate) const KIND: &str = "gke_cluster";

pub(crate) struct GkeClusters(pub(crate) Arc<Api>);

impl GkeClusters {
    /// Describes a cluster as the engine sees it. `running` is what GKE does at the moment.
    pub(super) fn found(
        &self,
        address: Address,
        cluster: &Cluster,
        running: &[Operation],
    ) -> Found<GkeClusterSpec> {
        let path = self.0.path_of(cluster);
        let target = Target::Cluster(path.clone());
        let ca = cluster.master_auth.as_ref().map(|auth| &auth.cluster_ca_certificate);
        let ca = ca.and_then(|text| STANDARD.decode(text).ok());
        let spec = spec_of(cluster);
        let mut outputs = outputs([
            ("id", json!(path.to_string())),
            ("name", json!(cluster.name)),
            ("location", json!(cluster.location)),
            ("version", json!(cluster.current_master_version)),
        ]);
        if !cluster.endpoint.is_empty() {
            outputs.insert("host".to_owned(), json!(cluster.endpoint));
        }
        if let Some(pem) = ca.filter(|pem| !pem.is_empty()) {
            outputs.insert("ca_pem".to_owned(), json!(String::from_utf8_lossy(&pem)));
        }
        Found {
            address,
            id: path.to_string(),
            spec,
            outputs: outputs.into(),
            readiness: readiness::of_cluster(cluster, pick(running, &target)),
            intent_key: ownership::intent(&labels_of(&cluster.resource_labels)),
            made_by: ManagedBy::Infra,
        }
    }

    fn address(cluster: &Cluster) -> Address {
        let name = cluster.resource_labels.get(ownership::NAME);
        Address::new(KIND, name.map_or("main", String::as_str))
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<GkeClusterSpec>>, CloudError> {
        let own = self.0.own_clusters(cx, Fresh::Shared).await?;
        let running = self.0.running(cx, "list clusters", &own).await?;
        let found = own.iter().map(|one| self.found(Self::address(one), one, &running));
        Ok(found.collect())
    }

    /// Returns a cluster that is there.
    pub(super) async fn look(
        &self,
        cx: &Context,
        operation: &str,
        path: &ClusterPath,
    ) -> Result<Cluster, CloudError> {
        let found = self.0.container.cluster(cx, operation, path).await?;
        found.ok_or_else(|| {
            CloudError::new(ErrorKind::NotFound, operation, "it was deleted meanwhile")
        })
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &GkeClusterSpec,
    ) -> Result<Found<GkeClusterSpec>, CloudError> {
        let address = &request.address;
        let operation = operation("create", address);
        let project = &self.0.connection.project;
        let path = ClusterPath {
            project: project.clone(),
            location: spec.location.clone(),
            name: cx.owner.cluster.clone(),
        };
        let marks = ownership::labels(&cx.owner, address, &request.intent_key);
        let mut body = wire(&operation, project, &path.name, spec, to_map(marks))?;
        for pool in spec.first_pools.iter().flatten() {
            let own = Address::new(super::own::POOL_KIND, &pool.name);
            // As its own create call would have it, so that the pool is found by that.
            let marks = ownership::labels(&cx.owner, &own, &cx.owner.intent_key(&own, 1));
            body.node_pools.push(pool_spec::wire(
                &operation,
                &pool.name,
                &pool.shape,
                to_map(marks),
            )?);
        }
        match self.0.container.create_cluster(cx, address, &path, &body).await {
            Err(error) if error.kind != ErrorKind::NameTaken => return Err(error),
            _ => {}
        }
        let found = self.0.container.cluster(cx, &operation, &path).await?;
        let cluster = found.ok_or_else(|| vanished(&operation))?;
        let labels = labels_of(&cluster.resource_labels);
        if !ownership::is_own(&cx.owner, &labels) {
            let name = format!("the GKE cluster {}", path.name);
            return Err(match ownership::other_owner(&cx.owner, &labels) {
                Some(owner) => name_taken(&operation, &name, &owner),
                None => not_made(&operation, &name),
            });
        }
        Ok(self.found(address.clone(), &cluster, &[]))
    }

    fn presence(
        &self,
        cx: &Context,
        known: &KnownResource,
        cluster: &Cluster,
    ) -> Presence<Found<GkeClusterSpec>> {
        let labels = labels_of(&cluster.resource_labels);
        let found = self.found(known.address.clone(), cluster, &[]);
        if ownership::is_own(&cx.owner, &labels) {
            return Presence::Owned(found);
        }
        match ownership::other_owner(&cx.owner, &labels) {
            Some(owner) => Presence::Foreign { owner },
            None => Presence::Untagged(found),
        }
    }
}

/// Returns labels in the form in which Google's client takes them.
pub(super) fn to_map(labels: ownership::Labels) -> HashMap<String, String> {
    labels.into_iter().collect()
}

/// Returns the path of a cluster by its id.
pub(super) fn path_of_id(operation: &str, id: &str) -> Result<ClusterPath, CloudError> {
    ClusterPath::parse(id).ok_or_else(|| {
        CloudError::new(ErrorKind::Local, operation, format!("`{id}` is not the path of a cluster"))
    })
}

#[async_trait]
impl Resource for GkeClusters {
    type Spec = GkeClusterSpec;

    fn name(&self) -> &'static str {
        KIND
    }

    fn on_change(&self, field: &str) -> OnChange {
        match field {
            "location" | "network" | "subnetwork" | "private_nodes" => OnChange::Replace,
            "first_pools" => OnChange::CreateOnly,
            _ => OnChange::Update,
        }
    }

    fn waits(&self) -> Waits {
        Waits {
            ready: Duration::from_secs(45 * 60),
            // It can be used while GKE works on it.
            recover: Some(Duration::from_secs(45 * 60)),
            gone: Duration::from_secs(30 * 60),
            ..Waits::default()
        }
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<GkeClusterSpec>>, CloudError> {
        self.list(cx).await
    }

    async fn poll(
        &self,
        cx: &Context,
        ids: &[String],
    ) -> Result<Vec<Found<GkeClusterSpec>>, CloudError> {
        let all = self.0.container.clusters(cx, Fresh::Now).await?;
        let is_asked = |one: &&Cluster| ids.contains(&self.0.path_of(one).to_string());
        let asked: Vec<Cluster> = all.iter().filter(is_asked).cloned().collect();
        let running = self.0.running(cx, "look at the cluster", &asked).await?;
        Ok(asked.iter().map(|one| self.found(Self::address(one), one, &running)).collect())
    }

    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<GkeClusterSpec>>>, CloudError> {
        each(known, |known| async move {
            let operation = operation("read", &known.address);
            let path = path_of_id(&operation, &known.id)?;
            let cluster = self.0.container.cluster(cx, &operation, &path).await?;
            Ok(cluster.map_or(Presence::Absent, |cluster| self.presence(cx, known, &cluster)))
        })
        .await
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, GkeClusterSpec)],
    ) -> Vec<Result<Found<GkeClusterSpec>, CloudError>> {
        let mut results = Vec::with_capacity(requests.len());
        for (request, spec) in requests {
            results.push(self.make(cx, request, spec).await);
        }
        results
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: GkeClusterSpec,
    ) -> Result<Found<GkeClusterSpec>, CloudError> {
        self.change(cx, request, &spec).await
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = operation("delete", &observed.address);
        let path = path_of_id(&operation, &observed.id)?;
        match self.0.container.cluster(cx, &operation, &path).await? {
            None => Ok(true),
            Some(cluster) if matches!(cluster.status, Status::Stopping) => Ok(false),
            Some(_) => {
                let was_there =
                    self.0.container.delete_cluster(cx, &observed.address, &path).await?;
                Ok(!was_there)
            }
        }
    }

    fn delete_warning(&self, _observed: &Observed) -> Option<String> {
        Some("everything that runs in the cluster and all that it stores is lost".to_owned())
    }
}
