//! Calls about one pool.

use google_cloud_container_v1::{
    client::ClusterManager,
    model::{NodePool, NodePoolAutoscaling, Operation, UpdateNodePoolRequest},
};
use infra_provider_api::{Address, CloudError, Context};

use super::{Container, PoolPath, Target, calls::Effect, clusters::absent_is_none};

impl Container {
    /// Returns a pool, if it exists.
    pub(crate) async fn pool(
        &self,
        cx: &Context,
        operation: &str,
        path: &PoolPath,
    ) -> Result<Option<NodePool>, CloudError> {
        let name = path.to_string();
        let answer = self
            .read(cx, operation, &format!("v1/{name}"), |client| {
                let name = name.clone();
                async move { client.get_node_pool().set_name(name).send().await }
            })
            .await;
        absent_is_none(answer)
    }

    /// Creates a pool.
    pub(crate) async fn create_pool(
        &self,
        cx: &Context,
        address: &Address,
        path: &PoolPath,
        pool: &NodePool,
    ) -> Result<Operation, CloudError> {
        let operation = format!("create {address}");
        let cluster = path.cluster.to_string();
        let mut effect = effect(address, &operation, "POST", path, "");
        effect.path = format!("v1/{cluster}/nodePools");
        self.effect(cx, &effect, |client| {
            client.create_node_pool().set_parent(&cluster).set_node_pool(pool.clone()).send()
        })
        .await
    }

    /// Changes a pool by one family of settings.
    pub(crate) async fn update_pool(
        &self,
        cx: &Context,
        address: &Address,
        path: &PoolPath,
        update: &UpdateNodePoolRequest,
    ) -> Result<Operation, CloudError> {
        let operation = format!("update {address}");
        let effect = effect(address, &operation, "PUT", path, "");
        let update = update.clone().set_name(path.to_string());
        self.effect(cx, &effect, |client| {
            client.update_node_pool().with_request(update.clone()).send()
        })
        .await
    }

    /// Sets how many nodes a pool has in each of its zones. It is tried once: what others do meanwhile may make
    /// the pool larger, and then this would make it smaller.
    ///
    /// # Errors
    /// Returns `Busy` if others are at work on it.
    pub(crate) async fn set_size(
        &self,
        cx: &Context,
        address: &Address,
        path: &PoolPath,
        each_zone: i32,
    ) -> Result<Operation, CloudError> {
        let operation = format!("update {address}");
        let effect = effect(address, &operation, "POST", path, ":setSize");
        self.effect_once(cx, &effect, &|client: ClusterManager| {
            client.set_node_pool_size().set_name(path.to_string()).set_node_count(each_zone).send()
        })
        .await
    }

    /// Sets between which numbers GKE chooses how many nodes a pool has, or that it chooses none.
    pub(crate) async fn set_autoscaling(
        &self,
        cx: &Context,
        address: &Address,
        path: &PoolPath,
        autoscaling: &NodePoolAutoscaling,
    ) -> Result<Operation, CloudError> {
        let operation = format!("update {address}");
        let effect = effect(address, &operation, "POST", path, ":setAutoscaling");
        self.effect(cx, &effect, |client| {
            let call = client.set_node_pool_autoscaling().set_name(path.to_string());
            call.set_autoscaling(autoscaling.clone()).send()
        })
        .await
    }

    /// Deletes a pool with its nodes. Returns false if there is none.
    pub(crate) async fn delete_pool(
        &self,
        cx: &Context,
        address: &Address,
        path: &PoolPath,
    ) -> Result<bool, CloudError> {
        let operation = format!("delete {address}");
        let effect = effect(address, &operation, "DELETE", path, "");
        let answer = self
            .effect(cx, &effect, |client| {
                client.delete_node_pool().set_name(path.to_string()).send()
            })
            .await;
        Ok(absent_is_none(answer)?.is_some())
    }
}

fn effect<'a>(
    address: &'a Address,
    operation: &'a str,
    method: &'static str,
    path: &PoolPath,
    verb: &str,
) -> Effect<'a> {
    Effect {
        address,
        operation,
        method,
        path: format!("v1/{path}{verb}"),
        target: Target::Pool(path.clone()),
    }
}
