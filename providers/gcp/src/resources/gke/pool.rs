//! `node_pool`: nodes of one sort. The label `infra-owner` of its machines, given in the create call itself, is
//! the mark. A pool is never deleted to be made anew: what can't be changed in it is taken up by a pool of the
//! next generation.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use google_cloud_container_v1::model::{Operation, node_pool::Status};
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, ErrorKind, Found, KnownResource, ManagedBy,
    Observed, OnChange, Presence, Resource, UpdateRequest, Waits,
};
use serde_json::json;

use super::{
    cluster::{path_of_id, to_map},
    own::{Group, OwnPool, POOL_KIND, pool_labels, size_of},
    pool_spec::{NodePoolSpec, shape_of, wire},
    readiness,
};
use crate::{
    container::{Fresh, PoolPath, Target, pick},
    ownership,
    resources::api::{
        Api, create_each, each, known, name_taken, not_made, operation, outputs, vanished,
    },
};

pub(crate) struct NodePools(pub(crate) Arc<Api>);

impl NodePools {
    /// Describes a pool as the engine sees it. `running` is what GKE does at the moment.
    pub(super) fn found(
        own: &OwnPool,
        groups: &[Group],
        running: &[Operation],
    ) -> Found<NodePoolSpec> {
        let OwnPool { address, path, pool } = own;
        let size = size_of(pool, groups);
        let target = Target::Pool(path.clone());
        let spec =
            NodePoolSpec { cluster: path.cluster.to_string().into(), shape: shape_of(pool, size) };
        let mut outputs = outputs([
            ("id", json!(path.to_string())),
            ("name", json!(pool.name)),
            ("version", json!(pool.version)),
        ]);
        if let Some(size) = size {
            outputs.insert("size".to_owned(), json!(size));
        }
        Found {
            address: address.clone(),
            id: path.to_string(),
            spec,
            outputs: outputs.into(),
            readiness: readiness::of_pool(pool, pick(running, &target)),
            intent_key: ownership::intent(&pool_labels(pool)),
            made_by: ManagedBy::Infra,
        }
    }

    async fn list(
        &self,
        cx: &Context,
        fresh: Fresh,
    ) -> Result<Vec<Found<NodePoolSpec>>, CloudError> {
        let clusters = self.0.own_clusters(cx, fresh).await?;
        let pools = self.0.own_pools(cx, &clusters);
        if pools.is_empty() {
            return Ok(Vec::new());
        }
        let (groups, running) = futures::try_join!(
            self.0.groups(cx, fresh),
            self.0.running(cx, "list pools", &clusters)
        )?;
        Ok(pools.iter().map(|pool| Self::found(pool, &groups, &running)).collect())
    }

    /// Returns the pool of that path as it is now, if it exists.
    pub(super) async fn look(
        &self,
        cx: &Context,
        operation: &str,
        address: &Address,
        path: &PoolPath,
    ) -> Result<Option<OwnPool>, CloudError> {
        let pool = self.0.container.pool(cx, operation, path).await?;
        Ok(pool.map(|pool| OwnPool { address: address.clone(), path: path.clone(), pool }))
    }

    async fn make(
        &self,
        cx: &Context,
        request: &CreateRequest,
        spec: &NodePoolSpec,
    ) -> Result<Found<NodePoolSpec>, CloudError> {
        let address = &request.address;
        let operation = operation("create", address);
        let cluster = path_of_id(&operation, known(&operation, "cluster", &spec.cluster)?)?;
        let path = cluster.pool(address.name());
        // The first pools were made with their cluster.
        let mut there = self.look(cx, &operation, address, &path).await?;
        if there.is_none() {
            let marks = ownership::labels(&cx.owner, address, &request.intent_key);
            let body = wire(&operation, &path.name, &spec.shape, to_map(marks))?;
            match self.0.container.create_pool(cx, address, &path, &body).await {
                Err(error) if error.kind != ErrorKind::NameTaken => return Err(error),
                _ => {}
            }
            there = self.look(cx, &operation, address, &path).await?;
        }
        let own = there.ok_or_else(|| vanished(&operation))?;
        let labels = pool_labels(&own.pool);
        if !ownership::is_own(&cx.owner, &labels) {
            let name = format!("the pool {}", path.name);
            return Err(match ownership::other_owner(&cx.owner, &labels) {
                Some(owner) => name_taken(&operation, &name, &owner),
                None => not_made(&operation, &name),
            });
        }
        let groups = self.0.groups(cx, Fresh::Shared).await?;
        let found = Self::found(&own, &groups, &[]);
        Ok(Found { intent_key: Some(request.intent_key.clone()), ..found })
    }
}

/// Returns the path of a pool by its id.
pub(super) fn pool_path(operation: &str, id: &str) -> Result<PoolPath, CloudError> {
    PoolPath::parse(id).ok_or_else(|| {
        CloudError::new(ErrorKind::Local, operation, format!("`{id}` is not the path of a pool"))
    })
}

#[async_trait]
impl Resource for NodePools {
    type Spec = NodePoolSpec;

    fn name(&self) -> &'static str {
        POOL_KIND
    }

    /// A cluster that is deleted takes its pools along, at once. To drain them one by one before would take an hour
    /// where a budget lets no pod go.
    fn part_of(&self) -> Option<&'static str> {
        Some("gke_cluster")
    }

    fn on_change(&self, field: &str) -> OnChange {
        match field {
            // It goes and comes with its cluster.
            "cluster" | "first" => OnChange::CreateOnly,
            "count" | "bounds" | "labels" | "taints" | "tags" | "locations" => OnChange::Update,
            // GKE would make all nodes anew at once.
            _ => OnChange::Rotate,
        }
    }

    fn waits(&self) -> Waits {
        Waits {
            ready: Duration::from_secs(45 * 60),
            recover: Some(Duration::from_secs(45 * 60)),
            // Its nodes are drained, and budgets of pods are kept to for an hour.
            gone: Duration::from_secs(90 * 60),
            ..Waits::default()
        }
    }

    async fn list_owned(&self, cx: &Context) -> Result<Vec<Found<NodePoolSpec>>, CloudError> {
        self.list(cx, Fresh::Shared).await
    }

    async fn poll(
        &self,
        cx: &Context,
        ids: &[String],
    ) -> Result<Vec<Found<NodePoolSpec>>, CloudError> {
        let mut all = self.list(cx, Fresh::Now).await?;
        all.retain(|found| ids.contains(&found.id));
        Ok(all)
    }

    async fn read(
        &self,
        cx: &Context,
        known: &[KnownResource],
    ) -> Result<Vec<Presence<Found<NodePoolSpec>>>, CloudError> {
        let groups = self.0.groups(cx, Fresh::Shared).await?;
        let groups = &groups;
        each(known, |known| async move {
            let operation = operation("read", &known.address);
            let path = pool_path(&operation, &known.id)?;
            let Some(own) = self.look(cx, &operation, &known.address, &path).await? else {
                return Ok(Presence::Absent);
            };
            let labels = pool_labels(&own.pool);
            let found = Self::found(&own, groups, &[]);
            if ownership::is_own(&cx.owner, &labels) {
                return Ok(Presence::Owned(found));
            }
            Ok(match ownership::other_owner(&cx.owner, &labels) {
                Some(owner) => Presence::Foreign { owner },
                None => Presence::Untagged(found),
            })
        })
        .await
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, NodePoolSpec)],
    ) -> Vec<Result<Found<NodePoolSpec>, CloudError>> {
        create_each(requests, |request, spec| self.make(cx, request, spec)).await
    }

    async fn update(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        spec: NodePoolSpec,
    ) -> Result<Found<NodePoolSpec>, CloudError> {
        self.change(cx, request, &spec.shape).await
    }

    fn delete_warning(&self, observed: &Observed) -> Option<String> {
        let nodes =
            observed.outputs.get("size").and_then(|size| size.as_u64()).filter(|n| *n > 0)?;
        let all = if nodes == 1 {
            "its node is drained, and goes".to_owned()
        } else {
            format!("its {nodes} nodes are drained, and go")
        };
        Some(format!("{all}; what runs there needs room in another pool"))
    }

    async fn delete(&self, cx: &Context, observed: &Observed) -> Result<bool, CloudError> {
        let operation = operation("delete", &observed.address);
        let path = pool_path(&operation, &observed.id)?;
        match self.look(cx, &operation, &observed.address, &path).await? {
            None => Ok(true),
            Some(own) if matches!(own.pool.status, Status::Stopping) => Ok(false),
            Some(_) => {
                let was_there = self.0.container.delete_pool(cx, &observed.address, &path).await?;
                Ok(!was_there)
            }
        }
    }
}
