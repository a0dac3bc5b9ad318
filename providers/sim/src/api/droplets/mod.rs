//! `/v2/droplets`

mod actions;
mod create;
mod remove;
mod view;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use serde_json::{Value, json};

pub use remove::remove;
pub use view::view;

use super::{Answer, Api, Ctx, Listing, Refusal, Reply};
use crate::world::{Droplet, State as World};

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/droplets", get(list).post(create::create).delete(remove::delete_by_tag))
        .route("/droplets/actions", post(actions::by_tag))
        .route("/droplets/{id}", get(show).delete(remove::delete))
        .route("/droplets/{id}/actions", get(actions::list).post(actions::create))
        .route("/droplets/{id}/actions/{action}", get(actions::show))
        .route("/droplets/{id}/firewalls", get(firewalls))
        .route("/droplets/{id}/kernels", get(kernels))
        .route("/droplets/{id}/snapshots", get(snapshots))
        .route("/droplets/{id}/backups", get(backups))
        .route("/droplets/{id}/neighbors", get(neighbors))
}

/// Finds the droplet of a path; an id that isn't a number is no droplet.
fn find(world: &World, id: &str) -> Result<Arc<Droplet>, Refusal> {
    id.parse().ok().and_then(|id| world.droplets.get(id).cloned()).ok_or_else(Refusal::not_found)
}

async fn list(State(api): Ctx, listing: Listing) -> Reply {
    let (tag, name) = (listing.query("tag_name"), listing.query("name"));
    if listing.query("type") == Some("gpus") {
        return Ok(listing.page("droplets", Vec::<Value>::new(), |v| v));
    }
    if tag.is_some() && name.is_some() {
        return Err(Refusal::unprocessable("tag_name and name cannot be used together"));
    }
    Ok(api.sim.world.read(|w| match (tag, name) {
        (Some(tag), _) => listing.rows("droplets", &w.droplets, w.droplets.by_tag(tag), view),
        (_, Some(name)) => listing.rows(
            "droplets",
            &w.droplets,
            w.droplets.iter().filter(|d| d.name.eq_ignore_ascii_case(name)),
            view,
        ),
        _ => listing.rows("droplets", &w.droplets, w.droplets.iter(), view),
    }))
}

async fn show(State(api): Ctx, Path(id): Path<String>) -> Reply {
    let droplet = api.sim.world.read(|w| find(w, &id))?;
    Ok(Answer::ok(json!({ "droplet": view(&droplet) })))
}

async fn firewalls(State(api): Ctx, Path(id): Path<String>, listing: Listing) -> Reply {
    api.sim.world.read(|w| {
        let droplet = find(w, &id)?;
        let all = w.firewalls.iter().filter(|f| super::firewalls::covers(f, &droplet));
        Ok(listing.rows("firewalls", &w.firewalls, all, super::firewalls::view))
    })
}

async fn nothing(api: &Api, id: &str, listing: &Listing, key: &str) -> Reply {
    api.sim.world.read(|w| find(w, id))?;
    Ok(listing.page(key, Vec::<Value>::new(), |v| v))
}

async fn kernels(State(api): Ctx, Path(id): Path<String>, listing: Listing) -> Reply {
    nothing(&api, &id, &listing, "kernels").await
}

async fn snapshots(State(api): Ctx, Path(id): Path<String>, listing: Listing) -> Reply {
    nothing(&api, &id, &listing, "snapshots").await
}

async fn backups(State(api): Ctx, Path(id): Path<String>, listing: Listing) -> Reply {
    nothing(&api, &id, &listing, "backups").await
}

async fn neighbors(State(api): Ctx, Path(id): Path<String>) -> Reply {
    api.sim.world.read(|w| find(w, &id))?;
    Ok(Answer::ok(json!({ "droplets": [] })))
}
