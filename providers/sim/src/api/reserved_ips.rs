//! `/v2/reserved_ips`

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::actions::{self, Target, one, start};
use super::{Answer, Api, Body, Ctx, Listing, Refusal, Reply, droplets};
use crate::catalog::catalog;
use crate::world::{ReservedIp, State as World};

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/reserved_ips", get(list).post(create))
        .route("/reserved_ips/{ip}", get(show).delete(delete))
        .route("/reserved_ips/{ip}/actions", get(action_list).post(act))
        .route("/reserved_ips/{ip}/actions/{action}", get(action_show))
}

fn view(w: &World, r: &ReservedIp) -> Value {
    let droplet = r.droplet_id.and_then(|id| w.droplets.get(id));
    json!({
        "ip": r.ip,
        "region": catalog().region(&r.region),
        "droplet": droplet.map(|d| droplets::view(d)),
        "locked": false,
        "project_id": r.project_id,
    })
}

fn find(w: &World, ip: &str) -> Result<Arc<ReservedIp>, Refusal> {
    w.reserved_ips.by_id(ip).cloned().ok_or_else(Refusal::not_found)
}

async fn list(State(api): Ctx, listing: Listing) -> Reply {
    Ok(api.sim.world.read(|w| {
        let all = w.reserved_ips.iter();
        listing.rows("reserved_ips", &w.reserved_ips, all, |r| view(w, r))
    }))
}

async fn show(State(api): Ctx, Path(ip): Path<String>) -> Reply {
    api.sim.world.read(|w| {
        let ip = find(w, &ip)?;
        Ok(Answer::ok(json!({ "reserved_ip": view(w, &ip) })))
    })
}

#[derive(Deserialize)]
struct Create {
    droplet_id: Option<u64>,
    region: Option<String>,
    project_id: Option<String>,
}

async fn create(State(api): Ctx, Body(body): Body<Create>) -> Reply {
    api.sim.world.write(|w| {
        let region = match (body.droplet_id, &body.region) {
            (Some(id), None) => w.droplets.get(id).map(|d| d.region.clone()).ok_or_else(|| {
                Refusal::unprocessable(format!("droplet {id} could not be found"))
            })?,
            (None, Some(region)) if catalog().open_region(region).is_some() => region.clone(),
            (None, Some(region)) => {
                return Err(Refusal::unprocessable(format!("region {region} is not available")));
            }
            _ => {
                return Err(Refusal::unprocessable("either droplet_id or region is required"));
            }
        };
        if let Some(id) = body.droplet_id {
            check_free(w, id)?;
        }
        let ip = w
            .next_public(&[])
            .ok_or_else(|| Refusal::unprocessable("no public address is left"))?;
        let project_id = body.project_id.clone().or_else(|| {
            let default = w.projects.iter().find(|p| p.is_default);
            default.map(|p| p.id.clone())
        });
        let seq = w.counters.next_order();
        let row = w.reserved_ips.put(ReservedIp {
            seq,
            ip,
            key: ip.to_string(),
            region,
            droplet_id: body.droplet_id,
            project_id: project_id.unwrap_or_default(),
        });
        Ok(Answer::accepted(json!({
            "reserved_ip": view(w, &row), "links": { "droplets": [], "actions": [] },
        })))
    })
}

fn check_free(w: &World, droplet: u64) -> Result<(), Refusal> {
    if w.reserved_ips.iter().any(|r| r.droplet_id == Some(droplet)) {
        return Err(Refusal::unprocessable("The Droplet already has a reserved IP assigned"));
    }
    Ok(())
}

async fn delete(State(api): Ctx, Path(ip): Path<String>) -> Reply {
    api.sim.world.write(|w| {
        let ip = find(w, &ip)?;
        w.reserved_ips.remove(ip.seq);
        Ok(Answer::no_content())
    })
}

#[derive(Deserialize)]
struct Act {
    #[serde(rename = "type")]
    kind: Option<String>,
    droplet_id: Option<u64>,
}

async fn act(State(api): Ctx, Path(ip): Path<String>, Body(body): Body<Act>) -> Reply {
    api.sim.world.write(|w| {
        let row = find(w, &ip)?;
        let (kind, droplet_id) = match (body.kind.as_deref(), body.droplet_id) {
            (Some("assign"), Some(id)) => {
                let droplet = w.droplets.get(id).ok_or_else(|| {
                    Refusal::unprocessable(format!("droplet {id} could not be found"))
                })?;
                if droplet.region != row.region {
                    return Err(Refusal::unprocessable(
                        "The Droplet is not in the region of the reserved IP",
                    ));
                }
                check_free(w, id)?;
                ("assign_ip", Some(id))
            }
            (Some("unassign"), _) if row.droplet_id.is_some() => ("unassign_ip", None),
            (Some("unassign"), _) => {
                return Err(Refusal::unprocessable("The reserved IP is not assigned"));
            }
            _ => {
                return Err(Refusal::unprocessable(
                    "type must be assign (with droplet_id) or unassign",
                ));
            }
        };
        w.reserved_ips.modify(row.seq, |r| r.droplet_id = droplet_id);
        let action = start(w, kind, &Target::ReservedIp(&row.key), &row.region, true);
        Ok(Answer::created(json!({ "action": actions::view(&action) })))
    })
}

async fn action_list(State(api): Ctx, Path(ip): Path<String>, listing: Listing) -> Reply {
    api.sim.world.read(|w| {
        find(w, &ip)?;
        let all = w.actions.iter().filter(|a| a.resource_uuid.as_deref() == Some(&ip));
        Ok(listing.rows("actions", &w.actions, all, actions::view))
    })
}

async fn action_show(State(api): Ctx, Path((ip, id)): Path<(String, u64)>) -> Reply {
    one(&api, id, |a| a.resource_uuid.as_deref() == Some(&ip))
}
