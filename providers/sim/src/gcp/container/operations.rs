//! `projects/P/locations/L/operations` and `serverConfig`.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{find, schema, versions};
use crate::faults::Effect;
use crate::gcp::Gcp;
use crate::gcp::http::{Call, Refusal, Reply, Routes};

/// So many operations are told, newest first.
const TOLD_MAX: usize = 200;

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    routes.get("/v1/projects/{project}/locations/{location}/operations", list);
    routes.get("/v1/projects/{project}/locations/{location}/operations/{operation}", show);
    routes.get("/v1/projects/{project}/locations/{location}/serverConfig", server_config);
}

async fn list(gcp: Arc<Gcp>, call: Call) -> Reply {
    let location = find::location(&call, true)?;
    let viewer = gcp.viewer(&call);
    let operations: Vec<Value> = gcp.sim().world.read(|w| {
        let all: Vec<_> = w.gke_operations.iter().collect();
        let here = all.into_iter().rev().filter(|o| location == "-" || o.location == location);
        here.take(TOLD_MAX).map(|operation| viewer.operation(operation)).collect()
    });
    let mut out = json!({});
    if !operations.is_empty() {
        out["operations"] = json!(operations);
    }
    if call.meets(Effect::MissingZones) {
        out["missingZones"] = json!(["us-central1-a"]);
    }
    Ok(out)
}

async fn show(gcp: Arc<Gcp>, call: Call) -> Reply {
    let (location, name) = (find::location(&call, false)?, call.value("operation"));
    let viewer = gcp.viewer(&call);
    let found = gcp.sim().world.read(|w| {
        let found = w.gke_operations.by_id(name).filter(|o| o.location == location);
        found.map(|operation| viewer.operation(operation))
    });
    found.ok_or_else(|| {
        let (project, place) = (&gcp.account().project, super::view::place(location));
        Refusal::not_found(format!("Not found: projects/{project}/{place}/operations/{name}."))
    })
}

async fn server_config(gcp: Arc<Gcp>, call: Call) -> Reply {
    find::location(&call, false)?;
    let viewer = gcp.viewer(&call);
    Ok(schema::show("ServerConfig", versions::server_config(), viewer.numbers))
}
