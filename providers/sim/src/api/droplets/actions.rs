//! `/v2/droplets/{id}/actions`: power, rename, resize, rebuild.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::find;
use crate::api::actions::{Target, one, start, view};
use crate::api::names::hostname;
use crate::api::{Answer, Api, Body, Ctx, Listing, Refusal, Reply, images};
use crate::catalog::catalog;
use crate::hooks::PowerEvent;
use crate::world::{Action, Droplet, DropletStatus, State as World};

#[derive(Deserialize)]
pub struct Request {
    #[serde(rename = "type")]
    kind: Option<String>,
    name: Option<String>,
    size: Option<String>,
    image: Option<Value>,
}

pub async fn list(State(api): Ctx, Path(id): Path<String>, listing: Listing) -> Reply {
    api.sim.world.read(|w| {
        let id = find(w, &id)?.id;
        let all =
            w.actions.iter().filter(|a| a.resource_type == "droplet" && a.resource_id == Some(id));
        Ok(listing.rows("actions", &w.actions, all, view))
    })
}

pub async fn show(State(api): Ctx, Path((id, action)): Path<(u64, u64)>) -> Reply {
    one(&api, action, |a| a.resource_type == "droplet" && a.resource_id == Some(id))
}

pub async fn create(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Request>) -> Reply {
    let (action, droplet, event) = api.sim.world.write(|w| {
        let droplet = find(w, &id)?;
        apply(w, &droplet, &body)
    })?;
    carry_out(&api, droplet, event).await;
    Ok(Answer::created(json!({ "action": view(&action) })))
}

pub async fn by_tag(State(api): Ctx, listing: Listing, Body(body): Body<Request>) -> Reply {
    let tag = listing
        .query("tag_name")
        .filter(|t| !t.is_empty())
        .ok_or_else(|| Refusal::unprocessable("tag_name is required"))?;
    let done = api.sim.world.write(|w| {
        let droplets: Vec<Arc<Droplet>> = w.droplets.by_tag(tag).cloned().collect();
        droplets.iter().filter_map(|d| apply(w, d, &body).ok()).collect::<Vec<_>>()
    });
    let actions: Vec<Value> = done.iter().map(|(a, _, _)| view(a)).collect();
    for (_, droplet, event) in done {
        carry_out(&api, droplet, event).await;
    }
    Ok(Answer::created(json!({ "actions": actions })))
}

type Applied = (Arc<Action>, Arc<Droplet>, Option<PowerEvent>);

fn apply(w: &mut World, d: &Droplet, body: &Request) -> Result<Applied, Refusal> {
    let refuse = |text: &str| Err(Refusal::unprocessable(text));
    if d.status == DropletStatus::New || d.locked {
        return refuse("Droplet already has a pending event.");
    }
    let off = d.status == DropletStatus::Off;
    let kind = body.kind.as_deref().unwrap_or_default();
    let mut next = d.clone();
    let event = match kind {
        "power_off" | "shutdown" if off => return refuse("Droplet is already powered off."),
        "power_on" if !off => return refuse("Droplet is already powered on."),
        "reboot" | "power_cycle" if off => return refuse("Droplet is currently powered off."),
        "power_off" | "shutdown" => {
            next.status = DropletStatus::Off;
            Some(PowerEvent::Off)
        }
        "power_on" => {
            next.status = DropletStatus::Active;
            Some(PowerEvent::On)
        }
        "reboot" | "power_cycle" => Some(PowerEvent::Reboot),
        "rename" => {
            let name = body.name.as_deref().unwrap_or_default();
            hostname(name)?;
            name.clone_into(&mut next.name);
            None
        }
        "resize" => {
            if !off {
                return refuse("Droplet must be powered off to be resized.");
            }
            let size = body.size.as_deref().unwrap_or_default();
            if !catalog().size_in(size, &d.region) {
                return refuse("You specified an invalid size for Droplet creation.");
            }
            size.clone_into(&mut next.size);
            None
        }
        "rebuild" => {
            next.image = rebuild_image(body, d.image)?;
            next.status = DropletStatus::New;
            Some(PowerEvent::Rebuild)
        }
        "enable_backups" => feature(&mut next, "backups", true),
        "disable_backups" => feature(&mut next, "backups", false),
        "enable_ipv6" => feature(&mut next, "ipv6", true),
        "password_reset" => None,
        "snapshot" | "restore" | "change_kernel" | "change_backup_policy" => {
            return refuse("This action is not available on the embedded cloud.");
        }
        _ => return refuse("Type is not a valid Droplet action."),
    };
    next.locked = event.is_some();
    let droplet = w.droplets.put(next);
    let action = start(w, kind, &Target::Droplet(d.id), &d.region, event.is_none());
    Ok((action, droplet, event))
}

fn feature(d: &mut Droplet, name: &str, on: bool) -> Option<PowerEvent> {
    d.features.retain(|f| f != name);
    if on {
        d.features.push(name.to_owned());
    }
    None
}

fn rebuild_image(body: &Request, current: u64) -> Result<u64, Refusal> {
    let id = match &body.image {
        None => return Ok(current),
        Some(Value::String(slug)) => slug.clone(),
        Some(other) => other.to_string(),
    };
    images::find(&id).and_then(|i| i["id"].as_u64()).ok_or_else(|| {
        Refusal::unprocessable("You specified an invalid image for Droplet rebuild.")
    })
}

/// Tells the machine, which completes the action when it is done.
async fn carry_out(api: &Api, droplet: Arc<Droplet>, event: Option<PowerEvent>) {
    if let (Some(event), Some(machines)) = (event, api.sim.machines()) {
        machines.power(&droplet, event).await;
    }
}
