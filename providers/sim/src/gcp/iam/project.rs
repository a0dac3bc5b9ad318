//! The project itself, and which APIs are switched on in it.

use std::sync::Arc;

use serde_json::json;

use crate::gcp::Gcp;
use crate::gcp::http::{Call, Reply, Routes};

/// The APIs that are there.
const SERVICES: [&str; 5] = [
    "cloudresourcemanager.googleapis.com",
    "compute.googleapis.com",
    "container.googleapis.com",
    "dns.googleapis.com",
    "iam.googleapis.com",
];

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    routes.get("/v1/projects/{project}", get);
    routes.get("/v1/projects/{project}/services/{service}", service);
}

/// Answers whether an API is switched on, which tools ask before they use it.
async fn service(gcp: Arc<Gcp>, call: Call) -> Reply {
    let service = call.value("service");
    let state = if SERVICES.contains(&service) { "ENABLED" } else { "DISABLED" };
    let parent = format!("projects/{}", gcp.account().number);
    Ok(json!({
        "name": format!("{parent}/services/{service}"),
        "config": { "name": service },
        "state": state,
        "parent": parent,
    }))
}

async fn get(gcp: Arc<Gcp>, _: Call) -> Reply {
    let account = gcp.account();
    Ok(json!({
        "projectNumber": account.number.to_string(),
        "projectId": account.project,
        "lifecycleState": "ACTIVE",
        "name": account.project,
        "createTime": "2024-01-01T00:00:00.000Z",
    }))
}
