//! `/v2/volumes/{id}/actions`: attach, detach, resize.

use std::sync::Arc;

use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{find, model};
use crate::api::actions::{Target, one, start, view};
use crate::api::{Answer, Body, Ctx, Listing, Refusal, Reply};
use crate::world::{Action, State as World, Volume};

#[derive(Deserialize)]
pub struct Request {
    #[serde(rename = "type")]
    kind: Option<String>,
    droplet_id: Option<Value>,
    region: Option<String>,
    size_gigabytes: Option<u64>,
    volume_name: Option<String>,
}

impl Request {
    /// Reads the droplet's number. Some clients send it as text, which the vendor takes.
    fn droplet(&self) -> Option<u64> {
        match &self.droplet_id {
            Some(Value::String(s)) => s.parse().ok(),
            Some(v) => v.as_u64(),
            None => None,
        }
    }
}

pub async fn list(State(api): Ctx, Path(id): Path<String>, listing: Listing) -> Reply {
    api.sim.world.read(|w| {
        find(w, &id)?;
        let all = w.actions.iter().filter(|a| a.resource_uuid.as_deref() == Some(&id));
        Ok(listing.rows("actions", &w.actions, all, view))
    })
}

pub async fn show(State(api): Ctx, Path((id, action)): Path<(String, u64)>) -> Reply {
    one(&api, action, |a| a.resource_uuid.as_deref() == Some(&id))
}

pub async fn create(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Request>) -> Reply {
    let action = api.sim.world.write(|w| {
        let volume = find(w, &id)?;
        apply(w, &volume, &body)
    })?;
    Ok(Answer::accepted(json!({ "action": view(&action) })))
}

pub async fn by_name(State(api): Ctx, Body(body): Body<Request>) -> Reply {
    let (Some(name), Some(region)) = (&body.volume_name, &body.region) else {
        return Err(Refusal::unprocessable("volume_name and region are required"));
    };
    let action = api.sim.world.write(|w| {
        let volume = model::by_name(w, name, region)?;
        apply(w, &volume, &body)
    })?;
    Ok(Answer::accepted(json!({ "action": view(&action) })))
}

fn apply(w: &mut World, volume: &Volume, body: &Request) -> Result<Arc<Action>, Refusal> {
    if body.region.as_ref().is_some_and(|r| *r != volume.region) {
        return Err(Refusal::unprocessable("region is not the volume's"));
    }
    let kind = match body.kind.as_deref() {
        Some("attach") => {
            let droplet =
                body.droplet().ok_or_else(|| Refusal::unprocessable("droplet_id is required"))?;
            model::attach(w, volume.seq, droplet)?;
            "attach_volume"
        }
        Some("detach") => {
            let droplet =
                body.droplet().ok_or_else(|| Refusal::unprocessable("droplet_id is required"))?;
            model::detach(w, volume.seq, Some(droplet))?;
            "detach_volume"
        }
        Some("resize") => {
            model::resize(w, volume.seq, body.size_gigabytes)?;
            "resize_volume"
        }
        _ => {
            return Err(Refusal::unprocessable("type must be attach, detach or resize"));
        }
    };
    Ok(start(w, kind, &Target::Volume(&volume.id), &volume.region, true))
}
