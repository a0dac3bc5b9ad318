//! `/v2/vpcs`

use std::net::Ipv4Addr;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::get;
use ipnet::Ipv4Net;
use serde::Deserialize;
use serde_json::{Value, json};

use super::names::{only, required, time};
use super::{Answer, Api, Body, Ctx, Listing, Refusal, Reply};
use crate::catalog::catalog;
use crate::world::{State as World, Vpc};

pub fn routes() -> Router<Arc<Api>> {
    Router::new()
        .route("/vpcs", get(list).post(create))
        .route("/vpcs/{id}", get(show).put(replace).patch(patch).delete(delete))
        .route("/vpcs/{id}/members", get(members))
        .route("/vpcs/{id}/peerings", get(peerings))
}

fn view(vpc: &Vpc) -> Value {
    json!({
        "id": vpc.id,
        "urn": format!("do:vpc:{}", vpc.id),
        "name": vpc.name,
        "description": vpc.description,
        "region": vpc.region,
        "ip_range": vpc.ip_range.to_string(),
        "default": vpc.default,
        "created_at": time(vpc.created_at),
    })
}

fn find(world: &World, id: &str) -> Result<Arc<Vpc>, Refusal> {
    world.vpcs.by_id(id).cloned().ok_or_else(Refusal::not_found)
}

/// Finds the VPC a resource goes to: the one named, which must lie in the region, or the region's
/// default. The default is made if there is none.
///
/// # Errors
/// Returns 422 if the named one doesn't exist there, or if no range is free for a default one.
pub fn placement(world: &mut World, id: Option<&str>, region: &str) -> Result<Arc<Vpc>, Refusal> {
    if let Some(id) = id.filter(|i| !i.is_empty()) {
        let vpc = world.vpcs.by_id(id).cloned();
        return match vpc {
            Some(vpc) if vpc.region == region => Ok(vpc),
            Some(vpc) => Err(Refusal::unprocessable(format!(
                "VPC {id} is in region {}, not in {region}",
                vpc.region
            ))),
            None => Err(Refusal::unprocessable(format!("VPC {id} could not be found"))),
        };
    }
    if let Some(vpc) = world.vpcs.iter().find(|v| v.default && v.region == region) {
        return Ok(vpc.clone());
    }
    let ip_range = world
        .free_range()
        .ok_or_else(|| Refusal::unprocessable("no free range of addresses is left"))?;
    Ok(put_new(world, format!("default-{region}"), String::new(), region, ip_range, true))
}

fn put_new(
    world: &mut World,
    name: String,
    description: String,
    region: &str,
    ip_range: Ipv4Net,
    default: bool,
) -> Arc<Vpc> {
    let seq = world.counters.next_order();
    let id = world.counters.next_uuid();
    world.vpcs.put(Vpc {
        seq,
        id,
        name,
        description,
        region: region.to_owned(),
        ip_range,
        default,
        created_at: jiff::Timestamp::now(),
        given: 0,
    })
}

async fn list(State(api): Ctx, listing: Listing) -> Reply {
    Ok(api.sim.world.read(|w| listing.rows("vpcs", &w.vpcs, w.vpcs.iter(), view)))
}

#[derive(Deserialize)]
struct Create {
    name: Option<String>,
    description: Option<String>,
    region: Option<String>,
    ip_range: Option<String>,
}

async fn create(State(api): Ctx, Body(body): Body<Create>) -> Reply {
    let name = required("name", body.name.as_deref())?.to_owned();
    let description = body.description.unwrap_or_default();
    check_texts(&name, &description)?;
    let region = required("region", body.region.as_deref())?.to_owned();
    if catalog().open_region(&region).is_none() {
        return Err(Refusal::unprocessable(format!("region {region} is not available")));
    }
    let wanted = body.ip_range.as_deref().filter(|r| !r.is_empty()).map(parse_range).transpose()?;
    api.sim.world.write(|w| {
        check_unique(w, &name, None)?;
        let ip_range = match wanted {
            Some(range) if w.overlaps(&range) => {
                return Err(Refusal::unprocessable(
                    "This range/size overlaps with another VPC network in your account. Please enter a different range/size.",
                ));
            }
            Some(range) => range,
            None => w
                .free_range()
                .ok_or_else(|| Refusal::unprocessable("no free range of addresses is left"))?,
        };
        let vpc = put_new(w, name, description, &region, ip_range, false);
        Ok(Answer::created(json!({ "vpc": view(&vpc) })))
    })
}

fn check_texts(name: &str, description: &str) -> Result<(), Refusal> {
    if !only(name, "-.") || name.len() > 255 {
        return Err(Refusal::unprocessable(
            "name may only contain alphanumeric characters, dashes, and periods",
        ));
    }
    if description.chars().count() > 255 {
        return Err(Refusal::unprocessable("description is too long (maximum is 255 characters)"));
    }
    Ok(())
}

fn check_unique(world: &World, name: &str, but: Option<u64>) -> Result<(), Refusal> {
    if world.vpcs.by_name(name).any(|v| Some(v.seq) != but) {
        return Err(Refusal::unprocessable(format!("a VPC with name {name} already exists")));
    }
    Ok(())
}

/// Parses an RFC 1918 range from /16 to /28, with no host bits set.
fn parse_range(text: &str) -> Result<Ipv4Net, Refusal> {
    let bad = |why: &str| Refusal::unprocessable(format!("ip_range {text}: {why}"));
    let net: Ipv4Net = text.parse().map_err(|_| bad("not an IPv4 CIDR"))?;
    if net.addr() != net.network() {
        return Err(bad("the address is not the first of its range"));
    }
    if !(16..=28).contains(&net.prefix_len()) {
        return Err(bad("must not be larger than /16 or smaller than /28"));
    }
    let private = [
        Ipv4Net::new(Ipv4Addr::new(10, 0, 0, 0), 8),
        Ipv4Net::new(Ipv4Addr::new(172, 16, 0, 0), 12),
        Ipv4Net::new(Ipv4Addr::new(192, 168, 0, 0), 16),
    ];
    if !private.iter().flatten().any(|p| p.contains(&net)) {
        return Err(bad("must be in the private ranges of RFC 1918"));
    }
    Ok(net)
}

async fn show(State(api): Ctx, Path(id): Path<String>) -> Reply {
    let vpc = api.sim.world.read(|w| find(w, &id))?;
    Ok(Answer::ok(json!({ "vpc": view(&vpc) })))
}

#[derive(Deserialize)]
struct Update {
    name: Option<String>,
    description: Option<String>,
    default: Option<bool>,
}

async fn replace(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Update>) -> Reply {
    required("name", body.name.as_deref())?;
    update(&api, &id, body)
}

async fn patch(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Update>) -> Reply {
    update(&api, &id, body)
}

fn update(api: &Api, id: &str, body: Update) -> Reply {
    api.sim.world.write(|w| {
        let mut vpc = Vpc::clone(&*find(w, id)?);
        vpc.name = body.name.unwrap_or(vpc.name);
        vpc.description = body.description.unwrap_or(vpc.description);
        check_texts(&vpc.name, &vpc.description)?;
        check_unique(w, &vpc.name, Some(vpc.seq))?;
        match body.default {
            Some(true) if !vpc.default => {
                let old: Vec<u64> = w
                    .vpcs
                    .iter()
                    .filter(|v| v.default && v.region == vpc.region)
                    .map(|v| v.seq)
                    .collect();
                for seq in old {
                    w.vpcs.modify(seq, |v| v.default = false);
                }
                vpc.default = true;
            }
            Some(false) if vpc.default => {
                return Err(Refusal::unprocessable(
                    "default cannot be unset: make another VPC the default",
                ));
            }
            _ => {}
        }
        let vpc = w.vpcs.put(vpc);
        Ok(Answer::ok(json!({ "vpc": view(&vpc) })))
    })
}

/// Lists the members of a VPC: name, URN, time of creation.
fn member_list(world: &World, id: &str) -> Vec<(String, String, jiff::Timestamp)> {
    let droplets = world
        .droplets
        .iter()
        .filter(|d| d.vpc_uuid == id)
        .map(|d| (d.name.clone(), format!("do:droplet:{}", d.id), d.created_at));
    let balancers = world.load_balancers.iter().filter(|l| l.vpc_uuid == id).map(|l| {
        let urn = format!("do:loadbalancer:{}", l.id);
        (l.name.clone(), urn, l.created_at)
    });
    droplets.chain(balancers).collect()
}

async fn delete(State(api): Ctx, Path(id): Path<String>) -> Reply {
    api.sim.world.write(|w| {
        let vpc = find(w, &id)?;
        if vpc.default {
            return Err(Refusal::forbidden("Can not delete default VPCs"));
        }
        if !member_list(w, &id).is_empty() {
            return Err(Refusal::conflict("Can not delete VPC with members"));
        }
        w.vpcs.remove(vpc.seq);
        Ok(Answer::no_content())
    })
}

async fn members(State(api): Ctx, Path(id): Path<String>, listing: Listing) -> Reply {
    let all = api.sim.world.read(|w| {
        find(w, &id)?;
        Ok(member_list(w, &id))
    })?;
    let kind = listing.query("resource_type").map(|t| format!("do:{t}:"));
    let all = all
        .into_iter()
        .filter(|(_, urn, _)| kind.as_ref().is_none_or(|k| urn.starts_with(k)))
        .collect();
    Ok(listing.page(
        "members",
        all,
        |(name, urn, at)| json!({ "name": name, "urn": urn, "created_at": time(at) }),
    ))
}

async fn peerings(State(api): Ctx, Path(id): Path<String>, listing: Listing) -> Reply {
    api.sim.world.read(|w| find(w, &id))?;
    Ok(listing.page("peerings", Vec::<Value>::new(), |v| v))
}

#[cfg(test)]
mod tests {
    use super::parse_range;

    #[test]
    fn ranges() {
        assert!(parse_range("10.10.0.0/16").is_ok());
        assert!(parse_range("192.168.1.0/28").is_ok());
        for bad in [
            "10.0.0.0/8",
            "10.0.0.0/29",
            "10.0.0.1/24",
            "8.8.8.0/24",
            "172.32.0.0/20",
            "10.0.0.0",
            "fd00::/64",
        ] {
            assert!(parse_range(bad).is_err(), "{bad}");
        }
    }
}
