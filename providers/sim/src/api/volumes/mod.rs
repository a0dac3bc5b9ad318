//! `/v2/volumes`

mod actions;
pub mod model;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::names::time;
use super::{Answer, Api, Body, Ctx, Listing, Refusal, Reply};
use crate::catalog::catalog;
use crate::world::{State as World, Volume};

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/volumes", get(list).post(create).delete(delete_by_name))
        .route("/volumes/actions", post(actions::by_name))
        .route("/volumes/{id}", get(show).delete(delete))
        .route("/volumes/{id}/actions", get(actions::list).post(actions::create))
        .route("/volumes/{id}/actions/{action}", get(actions::show))
        .route("/volumes/{id}/snapshots", get(snapshots))
}

fn view(v: &Volume) -> Value {
    let droplets: Vec<u64> = v.droplet_id.into_iter().collect();
    json!({
        "id": v.id,
        "name": v.name,
        "description": v.description,
        "region": catalog().region(&v.region),
        "size_gigabytes": v.size_gigabytes,
        "created_at": time(v.created_at),
        "tags": v.tags,
        "droplet_ids": droplets,
        "filesystem_type": v.filesystem_type,
        "filesystem_label": v.filesystem_label,
    })
}

fn find(w: &World, id: &str) -> Result<Arc<Volume>, Refusal> {
    w.volumes.by_id(id).cloned().ok_or_else(Refusal::not_found)
}

async fn list(State(api): Ctx, listing: Listing) -> Reply {
    let (name, region) = (listing.query("name"), listing.query("region"));
    let tag = listing.query("tag_name");
    Ok(api.sim.world.read(|w| {
        let all = w.volumes.iter().filter(|v| {
            name.is_none_or(|n| v.name == n)
                && region.is_none_or(|r| v.region == r)
                && tag.is_none_or(|t| v.tags.iter().any(|x| x.eq_ignore_ascii_case(t)))
        });
        listing.rows("volumes", &w.volumes, all, view)
    }))
}

async fn show(State(api): Ctx, Path(id): Path<String>) -> Reply {
    let volume = api.sim.world.read(|w| find(w, &id))?;
    Ok(Answer::ok(json!({ "volume": view(&volume) })))
}

async fn create(State(api): Ctx, Body(body): Body<model::Spec>) -> Reply {
    let limit = api.sim.limits.get().volumes as usize;
    let volume = api.sim.world.write(|w| model::create(w, &body, limit))?;
    Ok(Answer::created(json!({ "volume": view(&volume) })))
}

async fn delete(State(api): Ctx, Path(id): Path<String>) -> Reply {
    api.sim.world.write(|w| {
        let seq = find(w, &id)?.seq;
        model::delete(w, seq)?;
        Ok(Answer::no_content())
    })
}

async fn delete_by_name(State(api): Ctx, listing: Listing) -> Reply {
    let (Some(name), Some(region)) = (listing.query("name"), listing.query("region")) else {
        return Err(Refusal::unprocessable("name and region are required"));
    };
    api.sim.world.write(|w| {
        let seq = model::by_name(w, name, region)?.seq;
        model::delete(w, seq)?;
        Ok(Answer::no_content())
    })
}

async fn snapshots(State(api): Ctx, Path(id): Path<String>, listing: Listing) -> Reply {
    api.sim.world.read(|w| find(w, &id))?;
    Ok(listing.page("snapshots", Vec::<Value>::new(), |v| v))
}
