//! `/v2/actions`

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use serde_json::{Value, json};

use super::names::time;
use super::{Answer, Api, Ctx, Listing, Refusal, Reply};
use crate::catalog::catalog;
use crate::world::{Action, ActionStatus, State as World};

pub fn routes() -> Router<Arc<Api>> {
    Router::new().route("/actions", get(list)).route("/actions/{id}", get(show))
}

/// Shows an action as the API does.
pub fn view(action: &Action) -> Value {
    json!({
        "id": action.id,
        "status": action.status,
        "type": action.kind,
        "started_at": time(action.started_at),
        "completed_at": action.completed_at.map(time),
        "resource_id": action.resource_id,
        "resource_type": action.resource_type,
        "region": catalog().region(&action.region),
        "region_slug": action.region,
    })
}

/// What an action was done to.
pub enum Target<'a> {
    /// A droplet.
    Droplet(u64),
    /// A volume, by UUID.
    Volume(&'a str),
    /// A reserved address; the droplet's number stands for it.
    ReservedIp(&'a str),
}

/// Records an action; `done` ones are completed at once.
pub fn start(
    world: &mut World,
    kind: &str,
    target: &Target<'_>,
    region: &str,
    done: bool,
) -> Arc<Action> {
    world.counters.action += 1;
    let now = jiff::Timestamp::now();
    let (resource_id, resource_uuid, resource_type) = match target {
        Target::Droplet(id) => (Some(*id), None, "droplet"),
        Target::Volume(id) => (None, Some((*id).to_owned()), "volume"),
        Target::ReservedIp(ip) => (None, Some((*ip).to_owned()), "reserved_ip"),
    };
    world.actions.put(Action {
        id: world.counters.action,
        status: if done { ActionStatus::Completed } else { ActionStatus::InProgress },
        kind: kind.to_owned(),
        started_at: now,
        completed_at: done.then_some(now),
        resource_id,
        resource_uuid,
        resource_type: resource_type.to_owned(),
        region: region.to_owned(),
    })
}

async fn list(State(api): Ctx, listing: Listing) -> Reply {
    Ok(api.sim.world.read(|w| listing.rows("actions", &w.actions, w.actions.iter(), view)))
}

async fn show(State(api): Ctx, Path(id): Path<u64>) -> Reply {
    one(&api, id, |_| true)
}

/// Answers with one action if it `belongs` to the resource asked for, with 404 otherwise.
pub fn one(api: &Api, id: u64, belongs: impl Fn(&Action) -> bool) -> Reply {
    let action = api
        .sim
        .world
        .read(|w| w.actions.get(id).cloned())
        .filter(|a| belongs(a))
        .ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(json!({ "action": view(&action) })))
}
