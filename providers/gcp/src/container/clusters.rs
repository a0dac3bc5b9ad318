//! Calls about a whole cluster.

use std::collections::HashMap;

use google_cloud_container_v1::model::{Cluster, ClusterUpdate, Operation, ServerConfig};
use infra_provider_api::{Address, CloudError, Context, ErrorKind};

use super::{ClusterPath, Container, Target, calls::Effect};

impl Container {
    /// Returns a cluster, if it exists.
    pub(crate) async fn cluster(
        &self,
        cx: &Context,
        operation: &str,
        path: &ClusterPath,
    ) -> Result<Option<Cluster>, CloudError> {
        let name = path.to_string();
        let answer = self
            .read(cx, operation, &format!("v1/{name}"), |client| {
                let name = name.clone();
                async move { client.get_cluster().set_name(name).send().await }
            })
            .await;
        absent_is_none(answer)
    }

    /// Creates a cluster with the pools in it.
    pub(crate) async fn create_cluster(
        &self,
        cx: &Context,
        address: &Address,
        path: &ClusterPath,
        cluster: &Cluster,
    ) -> Result<Operation, CloudError> {
        let effect = Effect {
            address,
            operation: &format!("create {address}"),
            method: "POST",
            path: format!("v1/{}/clusters", path.parent()),
            target: Target::Cluster(path.clone()),
        };
        self.effect(cx, &effect, |client| {
            let call = client.create_cluster().set_parent(path.parent());
            call.set_cluster(cluster.clone()).send()
        })
        .await
    }

    /// Changes one thing of a cluster: GKE takes one field a call.
    pub(crate) async fn update_cluster(
        &self,
        cx: &Context,
        address: &Address,
        path: &ClusterPath,
        update: &ClusterUpdate,
    ) -> Result<Operation, CloudError> {
        let effect = Effect {
            address,
            operation: &format!("update {address}"),
            method: "PUT",
            path: format!("v1/{path}"),
            target: Target::Cluster(path.clone()),
        };
        self.effect(cx, &effect, |client| {
            client.update_cluster().set_name(path.to_string()).set_update(update.clone()).send()
        })
        .await
    }

    /// Sets all labels of a cluster, if they are as `fingerprint` says.
    pub(crate) async fn set_labels(
        &self,
        cx: &Context,
        address: &Address,
        path: &ClusterPath,
        labels: &HashMap<String, String>,
        fingerprint: &str,
    ) -> Result<Operation, CloudError> {
        let effect = Effect {
            address,
            operation: &format!("update {address}"),
            method: "POST",
            path: format!("v1/{path}:setResourceLabels"),
            target: Target::Cluster(path.clone()),
        };
        self.effect(cx, &effect, |client| {
            let call = client.set_labels().set_name(path.to_string());
            call.set_resource_labels(labels.clone()).set_label_fingerprint(fingerprint).send()
        })
        .await
    }

    /// Deletes a cluster with its pools. Returns false if there is none.
    pub(crate) async fn delete_cluster(
        &self,
        cx: &Context,
        address: &Address,
        path: &ClusterPath,
    ) -> Result<bool, CloudError> {
        let effect = Effect {
            address,
            operation: &format!("delete {address}"),
            method: "DELETE",
            path: format!("v1/{path}"),
            target: Target::Cluster(path.clone()),
        };
        let answer = self
            .effect(cx, &effect, |client| client.delete_cluster().set_name(path.to_string()).send())
            .await;
        Ok(absent_is_none(answer)?.is_some())
    }

    /// Returns what GKE offers in a location.
    pub(crate) async fn server_config(
        &self,
        cx: &Context,
        operation: &str,
        location: &str,
    ) -> Result<ServerConfig, CloudError> {
        let name = format!("projects/{}/locations/{location}", self.project);
        self.read(cx, operation, &format!("v1/{name}/serverConfig"), |client| {
            let name = name.clone();
            async move { client.get_server_config().set_name(name).send().await }
        })
        .await
    }
}

/// Takes that there is no such thing for an answer.
pub(super) fn absent_is_none<T>(answer: Result<T, CloudError>) -> Result<Option<T>, CloudError> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.kind == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
