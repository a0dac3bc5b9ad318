//! `/v2/tags`, and how tags get onto resources.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{only, required};
use super::{Answer, Api, Body, Ctx, Listing, Refusal, Reply};
use crate::world::{State as World, Tag};

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/tags", get(list).post(create))
        .route("/tags/{tag}", get(show).delete(delete))
        .route("/tags/{tag}/resources", post(attach).delete(detach))
}

/// Returns true if a tag has only letters, digits, `_`, `-` and `:`, at most 255.
fn valid(name: &str) -> bool {
    name.len() <= 255 && only(name, "_-:")
}

/// Returns the canonical names of tags, and makes those that don't exist yet.
pub fn ensure(world: &mut World, names: &[String]) -> Vec<String> {
    let mut canonical: Vec<String> = Vec::new();
    for name in names {
        let key = name.to_ascii_lowercase();
        let tag = match world.tags.by_id(&key) {
            Some(tag) => tag.name.clone(),
            None => {
                let seq = world.counters.next_order();
                let tag = world.tags.put(Tag { seq, name: name.clone(), key });
                tag.name.clone()
            }
        };
        if !canonical.contains(&tag) {
            canonical.push(tag);
        }
    }
    canonical
}

/// Checks the form of tags to be made or used.
///
/// # Errors
/// Returns 422 for the first that is not valid.
pub fn check(names: &[String]) -> Result<(), Refusal> {
    match names.iter().find(|n| !valid(n)) {
        Some(bad) => Err(Refusal::unprocessable(format!(
            "Tag '{bad}' is invalid: tags may only contain letters, numbers, colons, dashes and underscores, up to 255 characters"
        ))),
        None => Ok(()),
    }
}

/// Checks that tags exist, where the API doesn't make them.
///
/// # Errors
/// Returns 422 for the first that is unknown.
pub fn check_exist(world: &World, names: &[String]) -> Result<(), Refusal> {
    match names.iter().find(|n| world.tags.by_id(&n.to_ascii_lowercase()).is_none()) {
        Some(bad) => Err(Refusal::unprocessable(format!("tag {bad} does not exist"))),
        None => Ok(()),
    }
}

fn view(world: &World, tag: &Tag, base: &str) -> Value {
    let droplets = world.droplets.count_tag(&tag.name);
    let volumes = world.volumes.count_tag(&tag.name);
    let part = |count: usize, last: Option<String>| match last {
        Some(uri) => json!({ "count": count, "last_tagged_uri": uri }),
        None => json!({ "count": count }),
    };
    let droplet = world.droplets.by_tag(&tag.name).last();
    let droplet = droplet.map(|d| format!("{base}/v2/droplets/{}", d.id));
    let volume = world.volumes.by_tag(&tag.name).last();
    let volume = volume.map(|v| format!("{base}/v2/volumes/{}", v.id));
    let mut resources = part(droplets + volumes, droplet.clone().or(volume.clone()));
    resources["droplets"] = part(droplets, droplet);
    resources["volumes"] = part(volumes, volume);
    for none in ["images", "volume_snapshots", "databases"] {
        resources[none] = part(0, None);
    }
    json!({ "name": tag.name, "resources": resources })
}

fn find(world: &World, name: &str) -> Result<Arc<Tag>, Refusal> {
    world
        .tags
        .by_id(&name.to_ascii_lowercase())
        .filter(|t| t.name == name)
        .cloned()
        .ok_or_else(Refusal::not_found)
}

async fn list(State(api): Ctx, listing: Listing) -> Reply {
    let base = &api.sim.endpoint.digitalocean;
    Ok(api.sim.world.read(|w| listing.rows("tags", &w.tags, w.tags.iter(), |t| view(w, t, base))))
}

#[derive(Deserialize)]
struct Create {
    name: Option<String>,
}

async fn create(State(api): Ctx, Body(body): Body<Create>) -> Reply {
    let name = required("Name", body.name.as_deref())?.to_owned();
    check(std::slice::from_ref(&name))?;
    let base = &api.sim.endpoint.digitalocean;
    api.sim.world.write(|w| {
        ensure(w, std::slice::from_ref(&name));
        let tag =
            w.tags.by_id(&name.to_ascii_lowercase()).cloned().ok_or_else(Refusal::not_found)?;
        Ok(Answer::created(json!({ "tag": view(w, &tag, base) })))
    })
}

async fn show(State(api): Ctx, Path(name): Path<String>) -> Reply {
    let base = &api.sim.endpoint.digitalocean;
    api.sim.world.read(|w| {
        let tag = find(w, &name)?;
        Ok(Answer::ok(json!({ "tag": view(w, &tag, base) })))
    })
}

async fn delete(State(api): Ctx, Path(name): Path<String>) -> Reply {
    api.sim.world.write(|w| {
        let tag = find(w, &name)?;
        let droplets: Vec<u64> = w.droplets.by_tag(&name).map(|d| d.id).collect();
        for id in droplets {
            w.droplets.modify(id, |d| d.tags.retain(|t| *t != tag.name));
        }
        let volumes: Vec<u64> = w.volumes.by_tag(&name).map(|v| v.seq).collect();
        for seq in volumes {
            w.volumes.modify(seq, |v| v.tags.retain(|t| *t != tag.name));
        }
        let balancers = w.load_balancers.iter().filter(|l| l.tags.contains(&tag.name));
        let balancers: Vec<u64> = balancers.map(|l| l.seq).collect();
        for seq in balancers {
            w.load_balancers.modify(seq, |l| l.tags.retain(|t| *t != tag.name));
        }
        let firewalls: Vec<u64> = w.firewalls.by_tag(&name).map(|f| f.seq).collect();
        for seq in firewalls {
            w.firewalls.modify(seq, |f| f.tags.retain(|t| *t != tag.name));
        }
        w.tags.remove(tag.seq);
        Ok(Answer::no_content())
    })
}

#[derive(Deserialize)]
struct Resources {
    resources: Vec<Resource>,
}

#[derive(Deserialize)]
struct Resource {
    resource_id: Value,
    resource_type: String,
}

enum Tagged {
    Droplet(u64),
    Volume(u64),
}

fn resolve(world: &World, body: &Resources) -> Result<Vec<Tagged>, Refusal> {
    let mut found = Vec::new();
    for r in &body.resources {
        let id = match &r.resource_id {
            Value::String(s) => s.clone(),
            other => other.to_string(),
        };
        let one = match r.resource_type.as_str() {
            "droplet" => {
                id.parse().ok().filter(|n| world.droplets.get(*n).is_some()).map(Tagged::Droplet)
            }
            "volume" => world.volumes.by_id(&id).map(|v| Tagged::Volume(v.seq)),
            "image" | "volume_snapshot" | "database" => None,
            other => {
                return Err(Refusal::unprocessable(format!(
                    "{other} is not a type of resource that can be tagged"
                )));
            }
        };
        found.push(one.ok_or_else(Refusal::not_found)?);
    }
    Ok(found)
}

fn change(tags: &mut Vec<String>, name: &str, add: bool) {
    tags.retain(|t| t != name);
    if add {
        tags.push(name.to_owned());
    }
}

fn apply(api: &Api, name: &str, body: &Resources, add: bool) -> Reply {
    api.sim.world.write(|w| {
        let tag = find(w, name)?;
        for one in resolve(w, body)? {
            match one {
                Tagged::Droplet(id) => {
                    w.droplets.modify(id, |d| change(&mut d.tags, &tag.name, add));
                }
                Tagged::Volume(seq) => {
                    w.volumes.modify(seq, |v| change(&mut v.tags, &tag.name, add));
                }
            }
        }
        Ok(Answer::no_content())
    })
}

async fn attach(State(api): Ctx, Path(name): Path<String>, Body(body): Body<Resources>) -> Reply {
    apply(&api, &name, &body, true)
}

async fn detach(State(api): Ctx, Path(name): Path<String>, Body(body): Body<Resources>) -> Reply {
    apply(&api, &name, &body, false)
}
