//! `projects/P/locations/L/clusters/C/nodePools`.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::clusters::{check_etag, quota};
use super::view::pool_etag;
use super::{create_pool, find, pool_changes, schema};
use crate::faults::Effect;
use crate::gcp::Gcp;
use crate::gcp::http::{Call, Refusal, Reply, Routes};
use crate::world::{GkeCluster, GkePool, GkeWork};

const ALL: &str = "/v1/projects/{project}/locations/{location}/clusters/{cluster}/nodePools";
const ONE: &str = "/v1/projects/{project}/locations/{location}/clusters/{cluster}/nodePools/{pool}";

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    routes.get(ALL, list);
    routes.post(ALL, make);
    routes.get(ONE, show);
    routes.delete(ONE, delete);
    routes.add(Method::PUT, ONE, update);
    routes.post(
        "/v1/projects/{project}/locations/{location}/clusters/{cluster}/nodePools/{pool}:setSize",
        set_size,
    );
    routes.post(
        "/v1/projects/{project}/locations/{location}/clusters/{cluster}/nodePools/{pool}:setAutoscaling",
        set_autoscaling,
    );
    routes.post(
        "/v1/projects/{project}/locations/{location}/clusters/{cluster}/nodePools/{pool}:setManagement",
        set_management,
    );
}

async fn list(gcp: Arc<Gcp>, call: Call) -> Reply {
    let viewer = gcp.viewer(&call);
    gcp.sim().world.read(|w| {
        let row = find::cluster(&gcp, w, &call)?;
        let pools: Vec<Value> =
            w.gke_pools.by_group(row.seq).map(|pool| viewer.pool(&row, pool)).collect();
        Ok(if pools.is_empty() { json!({}) } else { json!({"nodePools": pools}) })
    })
}

async fn show(gcp: Arc<Gcp>, call: Call) -> Reply {
    let viewer = gcp.viewer(&call);
    gcp.sim().world.read(|w| {
        let (row, pool) = find::pool(&gcp, w, &call)?;
        Ok(viewer.pool(&row, &pool))
    })
}

async fn make(gcp: Arc<Gcp>, call: Call) -> Reply {
    let body = schema::read("CreateNodePoolRequest", &call.bytes)?;
    let config = body["nodePool"].clone();
    if !config.is_object() {
        return Err(Refusal::invalid("Node pool must be set."));
    }
    pool_changes::check_resource_labels(&config)?;
    let viewer = gcp.viewer(&call);
    let operation = gcp.sim().world.write(|w| {
        let row = find::cluster(&gcp, w, &call)?;
        let name = config["name"].as_str().unwrap_or_default();
        if w.gke_pools.by_id(&format!("{}/{name}", row.seq)).is_some() {
            let (project, location) = (&gcp.account().project, super::view::place(&row.location));
            return Err(Refusal::exists(format!(
                "Already exists: projects/{project}/{location}/clusters/{}/nodePools/{name}.",
                row.name
            )));
        }
        let pool = create_pool::pool(w, &row, config.clone())?;
        create_pool::check_account(w, &pool.config, call.meets(Effect::NotYet))?;
        quota(&gcp, w, &row, std::slice::from_ref(&pool))?;
        let work = GkeWork::CreatePool(pool.name.clone());
        let operation = gcp.begin(w, &row, Some("CREATE_NODE_POOL"), work)?;
        w.gke_pools.put(pool);
        Ok(operation)
    })?;
    Ok(viewer.operation(&operation))
}

/// Begins an operation on the pool of a path.
async fn change(
    gcp: &Gcp,
    call: &Call,
    kind: Option<&'static str>,
    work: impl FnOnce(&GkeCluster, &GkePool) -> Result<(Option<&'static str>, GkeWork), Refusal>,
) -> Reply {
    let viewer = gcp.viewer(call);
    let operation = gcp.sim().world.write(|w| {
        let (row, pool) = find::pool(gcp, w, call)?;
        let (own_kind, work) = work(&row, &pool)?;
        gcp.begin(w, &row, kind.or(own_kind), work)
    })?;
    Ok(viewer.operation(&operation))
}

async fn delete(gcp: Arc<Gcp>, call: Call) -> Reply {
    change(&gcp, &call, Some("DELETE_NODE_POOL"), |_, pool| {
        Ok((None, GkeWork::DeletePool(pool.name.clone())))
    })
    .await
}

async fn update(gcp: Arc<Gcp>, call: Call) -> Reply {
    let body = schema::read("UpdateNodePoolRequest", &call.bytes)?;
    change(&gcp, &call, None, |row, pool| {
        check_etag(&body["etag"], &pool_etag(pool))?;
        pool_changes::work(row, pool, &body)
    })
    .await
}

async fn set_size(gcp: Arc<Gcp>, call: Call) -> Reply {
    let body = schema::read("SetNodePoolSizeRequest", &call.bytes)?;
    // Zero is the default and not written.
    let count = body["nodeCount"].as_i64().unwrap_or(0);
    let count =
        u32::try_from(count).map_err(|_| Refusal::invalid("Node count must not be negative."))?;
    if count > 1000 {
        return Err(Refusal::invalid("Node pool size must be at most 1000 nodes per zone."));
    }
    change(&gcp, &call, Some("SET_NODE_POOL_SIZE"), |_, pool| {
        Ok((None, GkeWork::ResizePool(pool.name.clone(), count)))
    })
    .await
}

async fn set_autoscaling(gcp: Arc<Gcp>, call: Call) -> Reply {
    let body = schema::read("SetNodePoolAutoscalingRequest", &call.bytes)?;
    let bounds = body.get("autoscaling").cloned().unwrap_or_else(|| json!({}));
    create_pool::autoscaling(&bounds)?;
    change(&gcp, &call, None, |_, pool| {
        let change = json!({"autoscaling": pool_changes::replacing(pool, "autoscaling", &bounds)});
        Ok((None, GkeWork::UpdatePool(pool.name.clone(), change)))
    })
    .await
}

async fn set_management(gcp: Arc<Gcp>, call: Call) -> Reply {
    let body = schema::read("SetNodePoolManagementRequest", &call.bytes)?;
    let management = body.get("management").cloned().unwrap_or_else(|| json!({}));
    change(&gcp, &call, Some("SET_NODE_POOL_MANAGEMENT"), |row, pool| {
        let channel = row.config["releaseChannel"]["channel"].as_str().unwrap_or_default();
        let keeps = ["autoUpgrade", "autoRepair"].iter().all(|key| management[key] == true);
        if !["", "UNSPECIFIED"].contains(&channel) && !keeps {
            return Err(Refusal::invalid(format!(
                "Auto_upgrade and auto_repair cannot be false when release_channel {channel} is set."
            )));
        }
        let change = json!({"management": pool_changes::replacing(pool, "management", &management)});
        Ok((None, GkeWork::UpdatePool(pool.name.clone(), change)))
    })
    .await
}
