//! `/v2/account`

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use serde_json::json;

use super::{Answer, Api, Ctx, Reply};

pub fn routes() -> Router<Arc<Api>> {
    Router::new().route("/account", get(show))
}

async fn show(State(api): Ctx) -> Reply {
    let account = &api.sim.endpoint.account;
    Ok(Answer::ok(json!({ "account": {
        "droplet_limit": api.sim.limits.get().droplets,
        "floating_ip_limit": 3,
        "reserved_ip_limit": 3,
        "volume_limit": api.sim.limits.get().volumes,
        "email": account.email,
        "name": "Embedded Cloud",
        "uuid": account.uuid,
        "email_verified": true,
        "status": "active",
        "status_message": "",
        "team": { "uuid": account.uuid, "name": "Embedded Cloud" },
    }})))
}
