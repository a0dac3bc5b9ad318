//! The routes.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;

use axum::extract::{Query, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use http::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{Inventory, Status, resolve};
use crate::api::{Api, authorized};
use crate::balancer::Balancers;
use crate::faults::Fault;
use crate::gcp;
use crate::limits::Limits;
use crate::settings::Settings;

#[derive(Clone)]
struct Control {
    api: Arc<Api>,
    balancers: Arc<Balancers>,
    started: Instant,
}

/// Routes below `/sim`, but for the machines'.
pub fn router(api: Arc<Api>, balancers: Arc<Balancers>) -> Router {
    let control = Control { api, balancers, started: Instant::now() };
    Router::new()
        .route("/sim/status", get(status))
        .route("/sim/inventory", get(inventory))
        .route("/sim/stats", get(stats))
        .route("/sim/faults", get(faults).post(add_fault).delete(clear_faults))
        .route("/sim/faults/{id}", delete(clear_fault))
        .route("/sim/clock", get(clock).post(set_clock))
        .route("/sim/limits", get(limits).post(set_limits))
        .route("/sim/settings", get(settings).post(set_settings))
        .route("/sim/resolve", get(resolve_name))
        .route("/sim/stop", post(stop))
        .layer(from_fn_with_state(control.clone(), check_token))
        .with_state(control)
}

async fn check_token(State(c): State<Control>, request: Request, next: Next) -> Response {
    if authorized(request.headers(), &c.api.sim.endpoint.token) {
        next.run(request).await
    } else {
        refuse(StatusCode::UNAUTHORIZED, "the token is not this embedded cloud's")
    }
}

fn refuse(status: StatusCode, message: impl std::fmt::Display) -> Response {
    (status, Json(json!({ "message": message.to_string() }))).into_response()
}

async fn status(State(c): State<Control>) -> Json<Status> {
    let sim = &c.api.sim;
    let counts = sim.world.read(|w| {
        BTreeMap::from([
            ("droplets".to_owned(), w.droplets.len()),
            ("vpcs".to_owned(), w.vpcs.len()),
            ("firewalls".to_owned(), w.firewalls.len()),
            ("keys".to_owned(), w.keys.len()),
            (
                "load_balancers".to_owned(),
                w.load_balancers.iter().filter(|l| l.gke_cluster.is_none()).count(),
            ),
            ("domains".to_owned(), w.domains.len()),
            ("volumes".to_owned(), w.volumes.len()),
            ("tags".to_owned(), w.tags.len()),
            ("buckets".to_owned(), w.buckets.len()),
            ("objects".to_owned(), w.objects.len()),
            ("gcp".to_owned(), gcp::inventory(w).values().map(Vec::len).sum()),
        ])
    });
    Json(Status {
        pid: sim.endpoint.pid,
        data: sim.data.clone(),
        seed: sim.seed,
        speed: sim.clock.speed(),
        uptime_s: c.started.elapsed().as_secs(),
        exe: sim.exe.clone(),
        digitalocean: sim.endpoint.digitalocean.clone(),
        s3: sim.endpoint.s3.clone(),
        gcp: sim.gcp.url(),
        limits: sim.limits.get(),
        counts,
        load_balancers: c.balancers.status(),
        faults: sim.faults.list().len(),
    })
}

async fn inventory(State(c): State<Control>) -> Json<Inventory> {
    let mut inventory = c.api.sim.world.read(Inventory::of);
    if let Some(machines) = c.api.sim.machines() {
        for droplet in &mut inventory.droplets {
            // How its boot went, and where its console is.
            droplet["machine"] = machines.describe(droplet["id"].as_u64().unwrap_or_default());
        }
    }
    Json(inventory)
}

async fn stats(
    State(c): State<Control>,
    Query(query): Query<HashMap<String, String>>,
) -> Json<BTreeMap<String, u64>> {
    let reset = query.get("reset").is_some_and(|r| r == "1" || r == "true");
    Json(c.api.stats.take(reset))
}

async fn faults(State(c): State<Control>) -> Json<Value> {
    Json(json!({ "faults": c.api.sim.faults.list() }))
}

async fn add_fault(State(c): State<Control>, body: axum::body::Bytes) -> Response {
    let fault: Fault = match serde_json::from_slice(&body) {
        Ok(fault) => fault,
        Err(e) => return refuse(StatusCode::UNPROCESSABLE_ENTITY, e),
    };
    match c.api.sim.faults.set(fault) {
        Ok(fault) => (StatusCode::CREATED, Json(fault)).into_response(),
        Err(reason) => refuse(StatusCode::UNPROCESSABLE_ENTITY, reason),
    }
}

async fn clear_faults(State(c): State<Control>) -> StatusCode {
    c.api.sim.faults.clear(None);
    StatusCode::NO_CONTENT
}

async fn clear_fault(
    State(c): State<Control>,
    axum::extract::Path(id): axum::extract::Path<u64>,
) -> StatusCode {
    c.api.sim.faults.clear(Some(id));
    StatusCode::NO_CONTENT
}

#[derive(Deserialize)]
struct Speed {
    speed: f64,
}

async fn clock(State(c): State<Control>) -> Json<Value> {
    let clock = &c.api.sim.clock;
    Json(json!({ "speed": clock.speed(), "now": clock.now().to_string() }))
}

async fn set_clock(State(c): State<Control>, body: axum::body::Bytes) -> Response {
    match serde_json::from_slice::<Speed>(&body) {
        Ok(Speed { speed }) if speed.is_finite() && speed > 0.0 => {
            c.api.sim.clock.set_speed(speed);
            Json(json!({ "speed": c.api.sim.clock.speed() })).into_response()
        }
        Ok(_) => refuse(StatusCode::UNPROCESSABLE_ENTITY, "speed must be greater than 0"),
        Err(e) => refuse(StatusCode::UNPROCESSABLE_ENTITY, e),
    }
}

async fn limits(State(c): State<Control>) -> Json<Limits> {
    Json(c.api.sim.limits.get())
}

/// Lays the given fields over what is in force; the other fields keep their value.
fn merged<T: Serialize + DeserializeOwned>(now: &T, body: &[u8]) -> Result<T, serde_json::Error> {
    let given = serde_json::from_slice::<Value>(body)?;
    let mut all = serde_json::to_value(now)?;
    if let (Some(all), Value::Object(given)) = (all.as_object_mut(), given) {
        all.extend(given);
    }
    serde_json::from_value(all)
}

async fn settings(State(c): State<Control>) -> Json<Settings> {
    Json(c.api.sim.settings.get())
}

async fn set_settings(State(c): State<Control>, body: axum::body::Bytes) -> Response {
    match merged(&c.api.sim.settings.get(), &body) {
        Ok(settings) => match c.api.sim.settings.set(settings.clone()) {
            Ok(()) => Json(settings).into_response(),
            Err(e) => refuse(StatusCode::INTERNAL_SERVER_ERROR, e),
        },
        Err(e) => refuse(StatusCode::UNPROCESSABLE_ENTITY, e),
    }
}

async fn set_limits(State(c): State<Control>, body: axum::body::Bytes) -> Response {
    let merged = merged(&c.api.sim.limits.get(), &body);
    match merged {
        Ok(limits) => match c.api.sim.limits.set(limits.clone()) {
            Ok(()) => {
                c.api.limiter.reset();
                Json(limits).into_response()
            }
            Err(e) => refuse(StatusCode::INTERNAL_SERVER_ERROR, e),
        },
        Err(e) => refuse(StatusCode::UNPROCESSABLE_ENTITY, e),
    }
}

async fn resolve_name(
    State(c): State<Control>,
    Query(query): Query<HashMap<String, String>>,
) -> Response {
    let Some(name) = query.get("name") else {
        return refuse(StatusCode::UNPROCESSABLE_ENTITY, "name is required");
    };
    let kind = query.get("type").map_or("A", String::as_str);
    let answers = c.api.sim.world.read(|w| resolve(w, name, kind));
    Json(json!({ "name": name, "type": kind, "answers": answers })).into_response()
}

async fn stop(State(c): State<Control>) -> StatusCode {
    c.api.sim.stop.cancel();
    StatusCode::ACCEPTED
}
