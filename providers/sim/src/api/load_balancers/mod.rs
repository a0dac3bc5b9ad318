//! `/v2/load_balancers`

mod change;
pub mod model;
mod spec;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use serde_json::json;

pub use spec::Spec;
use view::view;

use super::{Answer, Api, Body, Ctx, Listing, Refusal, Reply};
use crate::world::{LoadBalancer, State as World};

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/load_balancers", get(list).post(create))
        .route("/load_balancers/{id}", get(show).put(replace).delete(delete))
        .route(
            "/load_balancers/{id}/droplets",
            post(change::add_droplets).delete(change::remove_droplets),
        )
        .route(
            "/load_balancers/{id}/forwarding_rules",
            post(change::add_rules).delete(change::remove_rules),
        )
}

fn find(w: &World, id: &str) -> Result<Arc<LoadBalancer>, Refusal> {
    let found = w.load_balancers.by_id(id).filter(|l| l.gke_cluster.is_none());
    found.cloned().ok_or_else(Refusal::not_found)
}

async fn list(State(api): Ctx, listing: Listing) -> Reply {
    Ok(api.sim.world.read(|w| {
        let all = w.load_balancers.iter().filter(|l| l.gke_cluster.is_none());
        listing.rows("load_balancers", &w.load_balancers, all, |l| view(w, l))
    }))
}

async fn show(State(api): Ctx, Path(id): Path<String>) -> Reply {
    api.sim.world.read(|w| {
        let balancer = find(w, &id)?;
        Ok(Answer::ok(json!({ "load_balancer": view(w, &balancer) })))
    })
}

async fn create(State(api): Ctx, Body(body): Body<Spec>) -> Reply {
    let limit = api.sim.limits.get().load_balancers as usize;
    api.sim.world.write(|w| {
        let balancer = model::create(w, &body, limit)?;
        Ok(Answer::accepted(json!({ "load_balancer": view(w, &balancer) })))
    })
}

async fn replace(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Spec>) -> Reply {
    api.sim.world.write(|w| {
        let balancer = model::replace(w, &id, &body)?;
        Ok(Answer::ok(json!({ "load_balancer": view(w, &balancer) })))
    })
}

async fn delete(State(api): Ctx, Path(id): Path<String>) -> Reply {
    api.sim.world.write(|w| {
        let balancer = find(w, &id)?;
        w.load_balancers.remove(balancer.seq);
        Ok(Answer::no_content())
    })
}
