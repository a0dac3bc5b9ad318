//! Adding to and taking from a load balancer.

use axum::extract::{Path, State};
use serde::Deserialize;

use super::spec::check_rules;
use super::{find, model};
use crate::api::{Answer, Api, Body, Ctx, Refusal, Reply};
use crate::world::{ForwardingRule, LoadBalancer, State as World};

#[derive(Deserialize)]
pub struct Droplets {
    droplet_ids: Vec<u64>,
}

#[derive(Deserialize)]
pub struct Rules {
    forwarding_rules: Vec<ForwardingRule>,
}

fn change(
    api: &Api,
    id: &str,
    f: impl FnOnce(&World, &mut LoadBalancer) -> Result<(), Refusal>,
) -> Reply {
    api.sim.world.write(|w| {
        let mut balancer = LoadBalancer::clone(&*find(w, id)?);
        f(w, &mut balancer)?;
        w.load_balancers.put(balancer);
        Ok(Answer::no_content())
    })
}

fn no_tag(l: &LoadBalancer) -> Result<(), Refusal> {
    match l.tag {
        Some(_) => Err(Refusal::unprocessable(
            "droplets of a load balancer with a tag cannot be set by id",
        )),
        None => Ok(()),
    }
}

pub async fn add_droplets(
    State(api): Ctx,
    Path(id): Path<String>,
    Body(body): Body<Droplets>,
) -> Reply {
    change(&api, &id, |w, l| {
        no_tag(l)?;
        model::check_ids(w, &body.droplet_ids, &l.vpc_uuid)?;
        for id in body.droplet_ids {
            if !l.droplet_ids.contains(&id) {
                l.droplet_ids.push(id);
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
    change(&api, &id, |_, l| {
        no_tag(l)?;
        l.droplet_ids.retain(|d| !body.droplet_ids.contains(d));
        Ok(())
    })
}

pub async fn add_rules(State(api): Ctx, Path(id): Path<String>, Body(body): Body<Rules>) -> Reply {
    change(&api, &id, |_, l| {
        l.forwarding_rules.extend(body.forwarding_rules);
        check_rules(&l.forwarding_rules)
    })
}

pub async fn remove_rules(
    State(api): Ctx,
    Path(id): Path<String>,
    Body(body): Body<Rules>,
) -> Reply {
    change(&api, &id, |_, l| {
        l.forwarding_rules.retain(|r| !body.forwarding_rules.contains(r));
        check_rules(&l.forwarding_rules)
    })
}
