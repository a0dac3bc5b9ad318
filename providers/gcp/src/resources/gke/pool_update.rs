//! Changing a pool in place: one family of settings a call, each looked at first and waited for.

use google_cloud_container_v1::model::{
    NetworkTags, NodeLabels, NodePool, NodeTaints, UpdateNodePoolRequest,
};
use infra_provider_api::{
    Address, CloudError, Context, ErrorKind, Found, OWNERSHIP, UpdateRequest,
};

use super::{
    own::{Group, OwnPool, is_group_of},
    pool::{NodePools, pool_path},
    pool_growth::{Growth, growth},
    pool_spec::{self, NodePoolSpec, PoolShape, is_reserved, shape_of},
    readiness::is_short,
};
use crate::{
    container::{Fresh, PoolPath, Target},
    resources::api::operation,
};

impl NodePools {
    /// Changes what differs, and returns the pool as it is then.
    pub(super) async fn change(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        shape: &PoolShape,
    ) -> Result<Found<NodePoolSpec>, CloudError> {
        let address = &request.observed.address;
        let operation = operation("update", address);
        let path = pool_path(&operation, &request.observed.id)?;
        let container = &self.0.container;
        let is_changed = |field: &str| request.changed.iter().any(|one| one == field);
        if request.restores_ownership() {
            let message = format!(
                "the {OWNERSHIP} of a pool can't be put back: all its nodes would be made anew"
            );
            return Err(CloudError::new(ErrorKind::Invalid, operation, message)
                .with_hint("rotate the pool: the pool that takes its place has one"));
        }
        for field in ["labels", "taints", "tags", "locations"] {
            if !is_changed(field) {
                continue;
            }
            let own = self.there(cx, request, &path).await?;
            let Some(update) = update(&operation, field, &own.pool, shape)? else { continue };
            let begun = container.update_pool(cx, address, &path, &update).await?;
            container.wait(cx, address, &operation, &path.cluster, begun).await?;
        }
        if is_changed("bounds") {
            let own = self.there(cx, request, &path).await?;
            if shape_of(&own.pool, None).bounds != shape.bounds {
                let bounds = pool_spec::autoscaling(shape.bounds);
                let begun = container.set_autoscaling(cx, address, &path, &bounds).await?;
                container.wait(cx, address, &operation, &path.cluster, begun).await?;
            }
        }
        // The autoscaler does not raise a pool to its minimum.
        let least = shape.count.or(shape.bounds.map(|bounds| bounds.min));
        if let Some(count) = least.filter(|_| is_changed("count") || is_changed("bounds")) {
            self.resize(cx, request, &path, count).await?;
        }
        let own = self.there(cx, request, &path).await?;
        let groups = self.0.groups(cx, Fresh::Now).await?;
        Ok(Self::found(&own, &groups, &[]))
    }

    /// Switches the autoscaler of a pool off, if there is such a pool and it is on. To it, a pool whose nodes take no
    /// pods any more is one that needs more nodes.
    pub(crate) async fn stop_growth(
        &self,
        cx: &Context,
        address: &Address,
    ) -> Result<(), CloudError> {
        let operation = operation("stop the autoscaler of", address);
        let clusters = self.0.own_clusters(cx, Fresh::Now).await?;
        let pools = self.0.own_pools(cx, &clusters);
        let Some(own) = pools.into_iter().find(|own| own.address == *address) else {
            return Ok(());
        };
        if shape_of(&own.pool, None).bounds.is_none() {
            return Ok(());
        }
        let (container, path) = (&self.0.container, &own.path);
        let off = pool_spec::autoscaling(None);
        let begun = container.set_autoscaling(cx, address, path, &off).await?;
        container.wait(cx, address, &operation, &path.cluster, begun).await
    }

    async fn there(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        path: &PoolPath,
    ) -> Result<OwnPool, CloudError> {
        let address = &request.observed.address;
        let operation = operation("update", address);
        let own = self.look(cx, &operation, address, path).await?;
        own.ok_or_else(|| {
            CloudError::new(ErrorKind::NotFound, operation, "it was deleted meanwhile")
        })
    }

    /// Makes a pool as large as `count`. It never makes one smaller: GKE would choose the nodes that go, and
    /// would not ask the budgets of pods. Who wants it smaller deletes nodes that it chose and drained.
    async fn resize(
        &self,
        cx: &Context,
        request: &UpdateRequest,
        path: &PoolPath,
        count: u32,
    ) -> Result<(), CloudError> {
        let address = &request.observed.address;
        let operation = operation("update", address);
        let container = &self.0.container;
        let mut wait = container.patience(address, &operation, Target::Pool(path.clone()));
        loop {
            // Looked at again after each wait: what others did meanwhile may have made it larger than that.
            let own = self.there(cx, request, path).await?;
            let all = self.0.groups(cx, Fresh::Now).await?;
            let groups: Vec<Group> =
                all.into_iter().filter(|group| is_group_of(&own.pool, group)).collect();
            let autoscaled = shape_of(&own.pool, None).bounds.is_some();
            let size = match growth(&own.pool.locations, &groups, count, autoscaled) {
                Growth::None => return Ok(()),
                Growth::EachZone(size) => size,
                Growth::Some(more) => {
                    for (group, more) in more {
                        self.0.create_instances(cx, &operation, address, group, more).await?;
                    }
                    return Ok(());
                }
            };
            let size = i32::try_from(size).unwrap_or(i32::MAX);
            let begun = match container.set_size(cx, address, path, size).await {
                Ok(begun) => begun,
                Err(error) if error.kind == ErrorKind::Busy => {
                    container.wait_for_turn(cx, &mut wait, error).await?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let ended = container.wait(cx, address, &operation, &path.cluster, begun).await;
            let Err(error) = ended else { return Ok(()) };
            // The size is set all the same where a zone has no machines now: GKE goes on trying.
            let own = self.there(cx, request, path).await?;
            return match is_short(&own.pool) {
                true => Ok(()),
                false => Err(error),
            };
        }
    }
}

/// Returns the call that makes one family of a pool's settings as it shall be, unless it is so.
fn update(
    operation: &str,
    field: &str,
    pool: &NodePool,
    shape: &PoolShape,
) -> Result<Option<UpdateNodePoolRequest>, CloudError> {
    let is = shape_of(pool, None);
    let update = UpdateNodePoolRequest::new();
    let config = pool.config.clone().unwrap_or_default();
    Ok(match field {
        "labels" => (is.labels != shape.labels).then(|| {
            // The call replaces all of them, those too that GKE added.
            let kept = config.labels.into_iter().filter(|(key, _)| is_reserved(key));
            let labels = shape.labels.clone().into_iter().chain(kept);
            update.set_labels(NodeLabels::new().set_labels(labels))
        }),
        "taints" if is.taints != shape.taints => {
            let kept = config.taints.into_iter().filter(|taint| is_reserved(&taint.key));
            let mut taints: Vec<_> = kept.collect();
            for text in &shape.taints {
                taints.push(pool_spec::taint(text).ok_or_else(|| {
                    let message = format!("`{text}` is not a taint");
                    CloudError::new(ErrorKind::Invalid, operation, message)
                })?);
            }
            Some(update.set_taints(NodeTaints::new().set_taints(taints)))
        }
        "taints" => None,
        "tags" => (is.tags != shape.tags)
            .then(|| update.set_tags(NetworkTags::new().set_tags(shape.tags.clone()))),
        _ => {
            (is.locations != shape.locations).then(|| update.set_locations(shape.locations.clone()))
        }
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pool() -> NodePool {
        serde_json::from_value(json!({
            "name": "worker", "locations": ["r-a", "r-b"],
            "config": {
                "labels": {"tier": "web", "cloud.google.com/gke-boot-disk": "pd-balanced"},
                "taints": [{"key": "kubernetes.io/arch", "value": "arm64", "effect": "NO_SCHEDULE"}],
                "tags": ["shop-nodes"],
            },
        }))
        .unwrap()
    }

    #[test]
    fn a_call_changes_one_family_and_keeps_what_gke_added() {
        let same = shape_of(&pool(), None);
        for field in ["labels", "taints", "tags", "locations"] {
            assert!(update("x", field, &pool(), &same).unwrap().is_none(), "{field}");
        }
        let mut shape = same;
        shape.labels.insert("tier".to_owned(), "db".to_owned());
        shape.taints = vec!["only=db:NoExecute".to_owned()];
        shape.locations.push("r-c".to_owned());
        let body = |field: &str| {
            let update = update("x", field, &pool(), &shape).unwrap().unwrap();
            serde_json::to_value(update).unwrap()
        };
        let labels = json!({"tier": "db", "cloud.google.com/gke-boot-disk": "pd-balanced"});
        assert_eq!(body("labels"), json!({"labels": {"labels": labels}}));
        let taints = body("taints");
        let keys: Vec<_> =
            taints["taints"]["taints"].as_array().unwrap().iter().map(|one| &one["key"]).collect();
        assert_eq!(keys, ["kubernetes.io/arch", "only"]);
        assert_eq!(body("locations"), json!({"locations": ["r-a", "r-b", "r-c"]}));
    }
}
