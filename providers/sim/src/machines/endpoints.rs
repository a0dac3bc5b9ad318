//! The machine's part of the control API: `/sim/machines/<id>/…`, with the machine's own token.

use std::sync::Arc;

use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use axum::{Json, Router};
use serde::Deserialize;
use serde_json::json;

use super::set::MachineSet;
use super::{metadata, token};
use crate::clusters::ClusterRefusal;
use crate::faults::Effect;
use crate::sim::Sim;
use crate::stand_in::{ClusterPlan, JoinRequest, MachineInfo};

/// Routes below `/sim/machines`, for what runs on machines. They check the machine's own token.
pub fn routes(sim: Arc<Sim>) -> Router {
    let machine = Router::new()
        .route("/{id}", get(info))
        .route("/{id}/resolve", get(resolve))
        .route("/{id}/kubelet", put(kubelet))
        .route("/{id}/etcd", get(etcd))
        .route("/{id}/kubeadm/init", post(init))
        .route("/{id}/kubeadm/join", post(join))
        .route("/{id}/kubeadm/reset", post(reset))
        .layer(middleware::from_fn_with_state(sim.clone(), check));
    Router::new()
        .route("/{id}/{token}/metadata/v1/{*path}", get(metadata::get))
        .merge(machine)
        .with_state(sim)
}

fn refuse(status: StatusCode, message: impl Into<String>) -> Response {
    (status, Json(json!({ "message": message.into() }))).into_response()
}

impl IntoResponse for ClusterRefusal {
    fn into_response(self) -> Response {
        let status = match self {
            Self::NotNow(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        };
        refuse(status, self.to_string())
    }
}

/// Checks that a machine speaks only for itself, by its token.
async fn check(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<u64>,
    request: Request,
    next: Next,
) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|v| v.to_str().ok()?.strip_prefix("Bearer "));
    if !given.is_some_and(|given| token::matches(&sim, id, given)) {
        return refuse(StatusCode::FORBIDDEN, "not this machine's token");
    }
    if sim.world.droplet(id).is_none() {
        return refuse(StatusCode::NOT_FOUND, "this machine is gone");
    }
    next.run(request).await
}

async fn info(State(sim): State<Arc<Sim>>, Path(id): Path<u64>) -> Response {
    let Some(droplet) = sim.world.droplet(id) else {
        return refuse(StatusCode::NOT_FOUND, "this machine is gone");
    };
    let (vcpus, memory_mib) = super::size::of(&droplet.size);
    Json(MachineInfo {
        id,
        name: droplet.name.clone(),
        region: droplet.region.clone(),
        public_ip: droplet.public_ip.map(Into::into),
        private_ip: Some(droplet.private_ip.into()),
        vcpus,
        memory_mib,
        speed: sim.clock.speed(),
    })
    .into_response()
}

#[derive(Deserialize)]
struct Address {
    host: String,
    port: u16,
}

async fn resolve(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<u64>,
    Query(address): Query<Address>,
) -> Response {
    match super::resolve_from(&sim, id, &address.host, address.port) {
        Ok(socket) => Json(socket).into_response(),
        Err(reason) => refuse(StatusCode::NOT_FOUND, reason),
    }
}

#[derive(Deserialize)]
struct Kubelet {
    running: bool,
}

fn machines(sim: &Sim) -> Result<Arc<MachineSet>, ClusterRefusal> {
    MachineSet::of(sim)
        .ok_or_else(|| ClusterRefusal::NotNow("the embedded cloud is starting".to_owned()))
}

async fn kubelet(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<u64>,
    Json(kubelet): Json<Kubelet>,
) -> Result<(), ClusterRefusal> {
    machines(&sim)?.clusters().set_kubelet(id, kubelet.running).await;
    Ok(())
}

async fn etcd(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<u64>,
) -> Result<Response, ClusterRefusal> {
    let member = machines(&sim)?.clusters().member(id).await;
    Ok(Json(member).into_response())
}

async fn init(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<u64>,
    Json(plan): Json<ClusterPlan>,
) -> Result<(), ClusterRefusal> {
    let machines = machines(&sim)?;
    machines.clusters().init(id, &machines.disk(id), plan).await
}

async fn join(
    State(sim): State<Arc<Sim>>,
    Path(id): Path<u64>,
    Json(request): Json<JoinRequest>,
) -> Result<Response, ClusterRefusal> {
    if let Some(droplet) = sim.world.droplet(id)
        && sim.faults.machine(&droplet.name, Effect::NeverJoins)
    {
        return Err(ClusterRefusal::NotNow("the API server does not answer".to_owned()));
    }
    let machines = machines(&sim)?;
    let joined = machines.clusters().join(id, &machines, request).await?;
    Ok(Json(joined).into_response())
}

async fn reset(State(sim): State<Arc<Sim>>, Path(id): Path<u64>) -> Result<(), ClusterRefusal> {
    machines(&sim)?.clusters().reset(id).await;
    Ok(())
}
