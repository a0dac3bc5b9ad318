//! `POST /v2/droplets`: one (`name`) or up to ten (`names`).

use std::sync::Arc;

use axum::extract::State;
use serde::Deserialize;
use serde_json::{Value, json};

use super::view;
use crate::api::actions::{Target, start};
use crate::api::names::hostname;
use crate::api::{Answer, Api, Body, Ctx, Refusal, Reply, images, keys, tags, vpcs};
use crate::catalog::catalog;
use crate::world::{Droplet, DropletStatus, State as World, UserData};

/// Droplets in one call.
const NAMES_MAX: usize = 10;
/// 64 KiB.
const USER_DATA_MAX_BYTES: usize = 64 * 1024;
/// Volumes a droplet can have.
pub const VOLUMES_MAX: usize = 15;

#[derive(Deserialize)]
pub struct Create {
    name: Option<String>,
    names: Option<Vec<String>>,
    region: Option<String>,
    size: Option<String>,
    image: Option<Value>,
    #[serde(default)]
    ssh_keys: Option<Vec<Value>>,
    #[serde(default)]
    backups: Option<bool>,
    #[serde(default)]
    ipv6: Option<bool>,
    #[serde(default)]
    monitoring: Option<bool>,
    #[serde(default)]
    tags: Option<Vec<String>>,
    user_data: Option<String>,
    #[serde(default)]
    volumes: Option<Vec<String>>,
    vpc_uuid: Option<String>,
    with_droplet_agent: Option<bool>,
    public_networking: Option<bool>,
}

/// A request whose single values are known to be good.
struct Plan {
    names: Vec<String>,
    multiple: bool,
    region: String,
    size: String,
    image: u64,
}

pub async fn create(State(api): Ctx, Body(body): Body<Create>) -> Reply {
    let plan = check(&api, &body)?;
    let limit = api.sim.limits.get().droplets as usize;
    let made = api.sim.world.write(|w| put(w, &plan, &body, limit))?;
    for (droplet, _) in &made {
        let addresses: Vec<_> = droplet.public_ip.into_iter().chain([droplet.private_ip]).collect();
        api.sim.net.add_droplet(droplet.id, &addresses);
        if let Some(machines) = api.sim.machines() {
            machines.created(droplet).await;
        }
    }
    Ok(Answer::accepted(answer(&api, &plan, &made)))
}

fn check(api: &Api, body: &Create) -> Result<Plan, Refusal> {
    let (names, multiple) = match (&body.name, &body.names) {
        (Some(_), Some(_)) => {
            return Err(Refusal::unprocessable("name and names cannot be used together"));
        }
        (Some(name), None) => (vec![name.clone()], false),
        (None, Some(names)) if !names.is_empty() => (names.clone(), true),
        _ => return Err(Refusal::unprocessable("Name can't be blank")),
    };
    if names.len() > NAMES_MAX {
        return Err(Refusal::unprocessable(format!(
            "You can create at most {NAMES_MAX} Droplets in one request"
        )));
    }
    names.iter().try_for_each(|n| hostname(n))?;
    let region = region(api, body)?;
    let size = size(body, &region)?;
    let image = image(body, &region)?;
    if body.user_data.as_ref().is_some_and(|u| u.len() > USER_DATA_MAX_BYTES) {
        return Err(Refusal::unprocessable("User data is too long (maximum is 64 KiB)"));
    }
    if body.user_data.as_ref().is_some_and(|u| u.contains('\0')) {
        return Err(Refusal::unprocessable("User data must be plain text"));
    }
    tags::check(body.tags.as_deref().unwrap_or_default())?;
    let volumes = body.volumes.as_ref().map_or(0, Vec::len);
    if volumes > 0 && names.len() > 1 {
        return Err(Refusal::unprocessable(
            "volumes can only be attached when one Droplet is created",
        ));
    }
    if volumes > VOLUMES_MAX {
        return Err(Refusal::unprocessable(format!(
            "at most {VOLUMES_MAX} volumes can be attached to a Droplet"
        )));
    }
    Ok(Plan { names, multiple, region, size, image })
}

/// Finds a region by slug or by its beginning; without one, the VPC's, or any.
fn region(api: &Api, body: &Create) -> Result<String, Refusal> {
    let invalid =
        || Refusal::unprocessable("You specified an invalid region for Droplet creation.");
    match body.region.as_deref() {
        Some(slug) if catalog().open_region(slug).is_some() => Ok(slug.to_owned()),
        Some(slug) if catalog().region(slug).is_some() => {
            Err(Refusal::unprocessable("Region is not available"))
        }
        Some(prefix) if prefix.len() == 3 => {
            catalog().region_with_prefix(prefix).map(str::to_owned).ok_or_else(invalid)
        }
        Some(_) => Err(invalid()),
        None => {
            let vpc = body
                .vpc_uuid
                .as_deref()
                .and_then(|id| api.sim.world.read(|w| w.vpcs.by_id(id).map(|v| v.region.clone())));
            vpc.or_else(|| catalog().region_with_prefix("nyc").map(str::to_owned))
                .ok_or_else(invalid)
        }
    }
}

fn size(body: &Create, region: &str) -> Result<String, Refusal> {
    match body.size.as_deref() {
        Some(size) if catalog().size_in(size, region) => Ok(size.to_owned()),
        Some(size) if catalog().size(size).is_some() => {
            Err(Refusal::unprocessable("Size is not available in this region."))
        }
        _ => Err(Refusal::unprocessable("You specified an invalid size for Droplet creation.")),
    }
}

fn image(body: &Create, region: &str) -> Result<u64, Refusal> {
    let id = match &body.image {
        Some(Value::String(slug)) => slug.clone(),
        Some(Value::Number(id)) => id.to_string(),
        _ => String::new(),
    };
    let image = images::find(&id).ok_or_else(|| {
        Refusal::unprocessable("You specified an invalid image for Droplet creation.")
    })?;
    let there = image["regions"].as_array().is_some_and(|r| r.iter().any(|r| r == region));
    match image["id"].as_u64() {
        Some(id) if there => Ok(id),
        _ => Err(Refusal::unprocessable("Image is not available in this region.")),
    }
}

fn ssh_keys(w: &World, body: &Create) -> Result<Vec<u64>, Refusal> {
    let mut ids = Vec::new();
    for given in body.ssh_keys.iter().flatten() {
        let text = match given {
            Value::String(s) => s.clone(),
            other => other.to_string(),
        };
        let key = keys::find(w, &text).ok_or_else(|| {
            Refusal::unprocessable(format!(
                "{text} are invalid key identifiers for Droplet creation."
            ))
        })?;
        if !ids.contains(&key.id) {
            ids.push(key.id);
        }
    }
    Ok(ids)
}

fn check_volumes(w: &World, body: &Create, region: &str) -> Result<(), Refusal> {
    for id in body.volumes.iter().flatten() {
        let volume = w
            .volumes
            .by_id(id)
            .ok_or_else(|| Refusal::unprocessable(format!("volume {id} could not be found")))?;
        if volume.region != region {
            return Err(Refusal::unprocessable(format!("volume {id} is not in region {region}")));
        }
        if volume.droplet_id.is_some() {
            return Err(Refusal::unprocessable(format!(
                "volume {id} is already attached to a Droplet"
            )));
        }
    }
    Ok(())
}

type Made = Vec<(Arc<Droplet>, u64)>;

fn put(w: &mut World, plan: &Plan, body: &Create, limit: usize) -> Result<Made, Refusal> {
    if w.droplets.len() + plan.names.len() > limit {
        return Err(Refusal::unprocessable(
            "creating this/these droplet(s) will exceed your droplet limit",
        ));
    }
    let ssh_keys = ssh_keys(w, body)?;
    check_volumes(w, body, &plan.region)?;
    let vpc = vpcs::placement(w, body.vpc_uuid.as_deref(), &plan.region)?;
    let mut addresses = Vec::new();
    for _ in &plan.names {
        let public = match body.public_networking {
            Some(false) => None,
            _ => Some(w.next_public(&[]).ok_or_else(no_address)?),
        };
        addresses.push((public, w.next_private(&vpc.id).ok_or_else(vpc_full)?));
    }
    let tags = tags::ensure(w, body.tags.as_deref().unwrap_or_default());
    let created_at = jiff::Timestamp::now();
    let mut made = Vec::new();
    for (name, (public_ip, private_ip)) in plan.names.iter().zip(addresses) {
        w.counters.droplet += 1;
        let droplet = w.droplets.put(Droplet {
            id: w.counters.droplet,
            name: name.clone(),
            region: plan.region.clone(),
            size: plan.size.clone(),
            image: plan.image,
            status: DropletStatus::New,
            locked: true,
            created_at,
            tags: tags.clone(),
            vpc_uuid: vpc.id.clone(),
            public_ip,
            private_ip,
            netmask: vpc.ip_range.netmask(),
            ssh_keys: ssh_keys.clone(),
            features: features(body),
            volume_ids: body.volumes.clone().unwrap_or_default(),
        });
        for id in body.volumes.iter().flatten() {
            if let Some(seq) = w.volumes.by_id(id).map(|v| v.seq) {
                w.volumes.modify(seq, |v| v.droplet_id = Some(droplet.id));
            }
        }
        if let Some(text) = body.user_data.clone().filter(|u| !u.is_empty()) {
            w.user_data.put(UserData { droplet: droplet.id, text });
        }
        let action = start(w, "create", &Target::Droplet(droplet.id), &plan.region, false);
        made.push((droplet, action.id));
    }
    Ok(made)
}

fn no_address() -> Refusal {
    Refusal::unprocessable("no public address is left")
}

fn vpc_full() -> Refusal {
    Refusal::unprocessable("the VPC has no address left")
}

fn features(body: &Create) -> Vec<String> {
    [
        (body.backups == Some(true), "backups"),
        (body.monitoring == Some(true), "monitoring"),
        (body.ipv6 == Some(true), "ipv6"),
        (body.with_droplet_agent != Some(false), "droplet_agent"),
        (true, "private_networking"),
    ]
    .into_iter()
    .filter(|(on, _)| *on)
    .map(|(_, name)| name.to_owned())
    .collect()
}

fn answer(api: &Api, plan: &Plan, made: &Made) -> Value {
    let rel = if plan.multiple { "multiple_create" } else { "create" };
    let actions: Vec<Value> = made
        .iter()
        .map(|(_, id)| {
            let href = format!("{}/v2/actions/{id}", api.sim.endpoint.digitalocean);
            json!({ "id": id, "rel": rel, "href": href })
        })
        .collect();
    let links = json!({ "actions": actions });
    let mut droplets: Vec<Value> = made.iter().map(|(d, _)| view(d)).collect();
    if plan.multiple {
        json!({ "droplets": droplets, "links": links })
    } else {
        json!({ "droplet": droplets.pop(), "links": links })
    }
}
