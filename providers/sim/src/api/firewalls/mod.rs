//! `/v2/firewalls`

mod change;
mod rules;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use self::rules::{RawRule, parse};
use super::names::{only, required, time};
use super::{Answer, Api, Body, Ctx, Listing, Refusal, Reply, tags};
use crate::world::{Droplet, Firewall, FirewallRule, State as World};

/// Droplets by id a firewall can have.
const DROPLETS_MAX: usize = 10;
/// Tags a firewall can have.
const TAGS_MAX: usize = 5;
/// Rules, in and out together.
const RULES_MAX: usize = 50;

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/firewalls", get(list).post(create))
        .route("/firewalls/{id}", get(show).put(replace).delete(delete))
        .route(
            "/firewalls/{id}/droplets",
            post(change::add_droplets).delete(change::remove_droplets),
        )
        .route("/firewalls/{id}/tags", post(change::add_tags).delete(change::remove_tags))
        .route("/firewalls/{id}/rules", post(change::add_rules).delete(change::remove_rules))
}

/// Shows a firewall as the API does.
pub fn view(f: &Firewall) -> Value {
    let side = |rules: &[FirewallRule], target: &str| -> Vec<Value> {
        rules
            .iter()
            .map(|r| {
                let mut m = Map::new();
                m.insert("protocol".into(), json!(r.protocol));
                m.insert("ports".into(), json!(r.ports));
                m.insert(target.into(), json!(r.target));
                Value::Object(m)
            })
            .collect()
    };
    json!({
        "id": f.id,
        "name": f.name,
        "status": "succeeded",
        "created_at": time(f.created_at),
        "pending_changes": [],
        "inbound_rules": side(&f.inbound, "sources"),
        "outbound_rules": side(&f.outbound, "destinations"),
        "droplet_ids": f.droplet_ids,
        "tags": f.tags,
    })
}

/// Returns true if a firewall protects a droplet, by its id or by a tag.
pub fn covers(f: &Firewall, d: &Droplet) -> bool {
    f.droplet_ids.contains(&d.id)
        || f.tags.iter().any(|t| d.tags.iter().any(|x| x.eq_ignore_ascii_case(t)))
}

fn find(w: &World, id: &str) -> Result<Arc<Firewall>, Refusal> {
    w.firewalls.by_id(id).cloned().ok_or_else(Refusal::not_found)
}

async fn list(State(api): Ctx, listing: Listing) -> Reply {
    Ok(api.sim.world.read(|w| listing.rows("firewalls", &w.firewalls, w.firewalls.iter(), view)))
}

async fn show(State(api): Ctx, Path(id): Path<String>) -> Reply {
    let firewall = api.sim.world.read(|w| find(w, &id))?;
    Ok(Answer::ok(json!({ "firewall": view(&firewall) })))
}

#[derive(Deserialize)]
struct Spec {
    name: Option<String>,
    inbound_rules: Option<Vec<RawRule>>,
    outbound_rules: Option<Vec<RawRule>>,
    droplet_ids: Option<Vec<u64>>,
    tags: Option<Vec<String>>,
}

/// What a create and a full update say; checked but for the world.
struct Wanted {
    name: String,
    inbound: Vec<FirewallRule>,
    outbound: Vec<FirewallRule>,
    droplet_ids: Vec<u64>,
    tags: Vec<String>,
}

fn check(body: Spec) -> Result<Wanted, Refusal> {
    let name = required("name", body.name.as_deref())?.to_owned();
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins_well || !only(&name, ".-") || !(2..=255).contains(&name.len()) {
        return Err(Refusal::unprocessable(
            "name must begin with a letter or number and may only contain letters, numbers, dots and dashes",
        ));
    }
    let inbound = parse(body.inbound_rules.unwrap_or_default(), true)?;
    let outbound = parse(body.outbound_rules.unwrap_or_default(), false)?;
    if inbound.is_empty() && outbound.is_empty() {
        return Err(Refusal::unprocessable("must have at least one rule"));
    }
    Ok(Wanted {
        name,
        inbound,
        outbound,
        droplet_ids: body.droplet_ids.unwrap_or_default(),
        tags: body.tags.unwrap_or_default(),
    })
}

/// Checks the rules that need the world: unknown droplets and tags, limits, the name.
fn check_world(w: &World, f: &Wanted, but: Option<u64>) -> Result<(), Refusal> {
    if w.firewalls.by_name(&f.name).any(|x| Some(x.seq) != but) {
        return Err(Refusal::conflict("duplicate name"));
    }
    check_limits(f.droplet_ids.len(), f.tags.len(), f.inbound.len() + f.outbound.len())?;
    check_droplets(w, &f.droplet_ids)?;
    tags::check_exist(w, &f.tags)?;
    for rule in f.inbound.iter().chain(&f.outbound) {
        check_target(w, rule)?;
    }
    Ok(())
}

fn check_limits(droplets: usize, tags: usize, rules: usize) -> Result<(), Refusal> {
    for (what, have, max) in [
        ("droplets", droplets, DROPLETS_MAX),
        ("tags", tags, TAGS_MAX),
        ("rules", rules, RULES_MAX),
    ] {
        if have > max {
            return Err(Refusal::unprocessable(format!(
                "a firewall can have at most {max} {what}"
            )));
        }
    }
    Ok(())
}

fn check_droplets(w: &World, ids: &[u64]) -> Result<(), Refusal> {
    match ids.iter().find(|id| w.droplets.get(**id).is_none()) {
        Some(bad) => Err(Refusal::unprocessable(format!("droplet {bad} does not exist"))),
        None => Ok(()),
    }
}

fn check_target(w: &World, rule: &FirewallRule) -> Result<(), Refusal> {
    check_droplets(w, &rule.target.droplet_ids)?;
    tags::check_exist(w, &rule.target.tags)?;
    let unknown =
        rule.target.load_balancer_uids.iter().find(|id| w.load_balancers.by_id(id).is_none());
    match unknown {
        Some(id) => Err(Refusal::unprocessable(format!("load balancer {id} does not exist"))),
        None => Ok(()),
    }
}

async fn create(State(api): Ctx, Body(body): Body<Spec>) -> Reply {
    let f = check(body)?;
    api.sim.world.write(|w| {
        check_world(w, &f, None)?;
        let seq = w.counters.next_order();
        let id = w.counters.next_uuid();
        let tags = tags::ensure(w, &f.tags);
        let firewall = w.firewalls.put(Firewall {
            seq,
            id,
            name: f.name,
            created_at: jiff::Timestamp::now(),
            inbound: f.inbound,
            outbound: f.outbound,
            droplet_ids: f.droplet_ids,
            tags,
        });
        Ok(Answer::accepted(json!({ "firewall": view(&firewall) })))
    })
}

async fn replace(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Spec>) -> Reply {
    let f = check(body)?;
    api.sim.world.write(|w| {
        let old = find(w, &id)?;
        check_world(w, &f, Some(old.seq))?;
        let tags = tags::ensure(w, &f.tags);
        let firewall = w.firewalls.put(Firewall {
            name: f.name,
            inbound: f.inbound,
            outbound: f.outbound,
            droplet_ids: f.droplet_ids,
            tags,
            ..Firewall::clone(&old)
        });
        Ok(Answer::ok(json!({ "firewall": view(&firewall) })))
    })
}

async fn delete(State(api): Ctx, Path(id): Path<String>) -> Reply {
    api.sim.world.write(|w| {
        let firewall = find(w, &id)?;
        w.firewalls.remove(firewall.seq);
        Ok(Answer::no_content())
    })
}
