//! Adding to and taking from a firewall.

use axum::extract::{Path, State};
use serde::Deserialize;

use super::rules::{RawRule, parse};
use super::{check_droplets, check_limits, check_target, find};
use crate::api::{Answer, Api, Body, Ctx, Refusal, Reply, tags};
use crate::world::{Firewall, FirewallRule, State as World};

#[derive(Deserialize)]
pub struct Droplets {
    droplet_ids: Vec<u64>,
}

#[derive(Deserialize)]
pub struct Tags {
    tags: Vec<String>,
}

#[derive(Deserialize)]
pub struct Rules {
    inbound_rules: Option<Vec<RawRule>>,
    outbound_rules: Option<Vec<RawRule>>,
}

impl Rules {
    fn parse(self) -> Result<(Vec<FirewallRule>, Vec<FirewallRule>), Refusal> {
        if self.inbound_rules.is_none() && self.outbound_rules.is_none() {
            return Err(Refusal::unprocessable("inbound_rules or outbound_rules is required"));
        }
        Ok((
            parse(self.inbound_rules.unwrap_or_default(), true)?,
            parse(self.outbound_rules.unwrap_or_default(), false)?,
        ))
    }
}

fn change(
    api: &Api,
    id: &str,
    f: impl FnOnce(&World, &mut Firewall) -> Result<(), Refusal>,
) -> Reply {
    api.sim.world.write(|w| {
        let mut firewall = Firewall::clone(&*find(w, id)?);
        f(w, &mut firewall)?;
        check_limits(
            firewall.droplet_ids.len(),
            firewall.tags.len(),
            firewall.inbound.len() + firewall.outbound.len(),
        )?;
        w.firewalls.put(firewall);
        Ok(Answer::no_content())
    })
}

pub async fn add_droplets(
    State(api): Ctx,
    Path(id): Path<String>,
    Body(body): Body<Droplets>,
) -> Reply {
    change(&api, &id, |w, f| {
        check_droplets(w, &body.droplet_ids)?;
        for id in body.droplet_ids {
            if !f.droplet_ids.contains(&id) {
                f.droplet_ids.push(id);
            }
        }
        Ok(())
    })
}

pub async fn remove_droplets(
    State(api): Ctx,
    Path(id): Path<String>,
    Body(body): Body<Droplets>,
) -> Reply {
    change(&api, &id, |_, f| {
        f.droplet_ids.retain(|d| !body.droplet_ids.contains(d));
        Ok(())
    })
}

pub async fn add_tags(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Tags>) -> Reply {
    change(&api, &id, |w, f| {
        tags::check_exist(w, &body.tags)?;
        for tag in body.tags {
            if !f.tags.contains(&tag) {
                f.tags.push(tag);
            }
        }
        Ok(())
    })
}

pub async fn remove_tags(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Tags>) -> Reply {
    change(&api, &id, |_, f| {
        f.tags.retain(|t| !body.tags.contains(t));
        Ok(())
    })
}

pub async fn add_rules(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Rules>) -> Reply {
    let (inbound, outbound) = body.parse()?;
    change(&api, &id, |w, f| {
        for rule in inbound.iter().chain(&outbound) {
            check_target(w, rule)?;
        }
        let fresh = |have: &[FirewallRule], new: Vec<FirewallRule>| -> Vec<FirewallRule> {
            new.into_iter().filter(|r| !have.contains(r)).collect()
        };
        let inbound = fresh(&f.inbound, inbound);
        f.inbound.extend(inbound);
        let outbound = fresh(&f.outbound, outbound);
        f.outbound.extend(outbound);
        Ok(())
    })
}

pub async fn remove_rules(
    State(api): Ctx,
    Path(id): Path<String>,
    Body(body): Body<Rules>,
) -> Reply {
    let (inbound, outbound) = body.parse()?;
    change(&api, &id, |_, f| {
        f.inbound.retain(|r| !inbound.contains(r));
        f.outbound.retain(|r| !outbound.contains(r));
        if f.inbound.is_empty() && f.outbound.is_empty() {
            return Err(Refusal::unprocessable("must have at least one rule"));
        }
        Ok(())
    })
}
