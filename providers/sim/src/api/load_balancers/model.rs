//! Making and changing load balancers in the world; also used by the simulated cloud controller.

use std::sync::Arc;

use super::{Spec, find};
use crate::api::{Refusal, tags, vpcs};
use crate::catalog::catalog;
use crate::world::{Droplet, LbStatus, LoadBalancer, State as World};

/// Lists the droplets a load balancer sends to: by tag, or by id.
pub fn targets(w: &World, l: &LoadBalancer) -> Vec<Arc<Droplet>> {
    match &l.tag {
        Some(tag) => w.droplets.by_tag(tag).filter(|d| d.vpc_uuid == l.vpc_uuid).cloned().collect(),
        None => l.droplet_ids.iter().filter_map(|id| w.droplets.get(*id).cloned()).collect(),
    }
}

/// Makes a load balancer.
///
/// # Errors
/// Returns 422 if a rule is broken.
pub fn create(w: &mut World, spec: &Spec, limit: usize) -> Result<Arc<LoadBalancer>, Refusal> {
    spec.check()?;
    let name = spec.name.clone().unwrap_or_default();
    check_name(w, &name, None)?;
    let region = match spec.region.as_deref() {
        Some(slug) if catalog().open_region(slug).is_some() => slug.to_owned(),
        Some(slug) => {
            return Err(Refusal::unprocessable(format!("region {slug} is not available")));
        }
        None => return Err(Refusal::unprocessable("region is required")),
    };
    if w.load_balancers.iter().filter(|l| l.gke_cluster.is_none()).count() >= limit {
        return Err(Refusal::unprocessable(
            "you have reached the limit of load balancers of your account",
        ));
    }
    let project_id = project(w, spec.project_id.as_deref())?;
    let vpc_uuid = vpcs::placement(w, spec.vpc_uuid.as_deref(), &region)?.id.clone();
    check_droplets(w, spec, &vpc_uuid)?;
    let ports: Vec<u16> = spec.forwarding_rules.iter().flatten().map(|r| r.entry_port).collect();
    let ip =
        w.next_public(&ports).ok_or_else(|| Refusal::unprocessable("no public address is left"))?;
    let seq = w.counters.next_order();
    let id = w.counters.next_uuid();
    let text = |v: &Option<String>, default: &str| v.clone().unwrap_or_else(|| default.to_owned());
    let new = LoadBalancer {
        seq,
        id,
        name,
        region,
        size_unit: spec.units(),
        status: LbStatus::New,
        ip,
        created_at: jiff::Timestamp::now(),
        forwarding_rules: Vec::new(),
        health_check: spec.health_check.clone().unwrap_or_default(),
        sticky_sessions: spec.sticky_sessions.clone().unwrap_or_default(),
        droplet_ids: Vec::new(),
        tag: None,
        tags: Vec::new(),
        vpc_uuid,
        project_id,
        network: text(&spec.network, "EXTERNAL"),
        network_stack: text(&spec.network_stack, "IPV4"),
        kind: text(&spec.kind, "REGIONAL"),
        redirect_http_to_https: false,
        enable_proxy_protocol: false,
        enable_backend_keepalive: false,
        disable_lets_encrypt_dns_records: false,
        http_idle_timeout_seconds: 60,
        firewall: spec.firewall.clone().unwrap_or_default(),
        tls_cipher_policy: "DEFAULT".to_owned(),
        gke_cluster: None,
    };
    let new = LoadBalancer { tags: own_tags(w, spec)?, ..new };
    Ok(w.load_balancers.put(settle(new, spec)))
}

/// Returns the load balancer's own tags that a request names.
fn own_tags(w: &mut World, spec: &Spec) -> Result<Vec<String>, Refusal> {
    let Some(wanted) = &spec.tags else { return Ok(Vec::new()) };
    tags::check(wanted)?;
    Ok(tags::ensure(w, wanted))
}

/// Replaces all that can change of a load balancer: what the request does not name is reset to its
/// default, as the vendor's document says.
///
/// # Errors
/// Returns 404 if there is none, or 422 if a rule is broken.
pub fn replace(w: &mut World, id: &str, spec: &Spec) -> Result<Arc<LoadBalancer>, Refusal> {
    let old = find(w, id)?;
    spec.check()?;
    let fixed = |field: &str, new: &Option<String>, old: &str| match new.as_deref() {
        Some(new) if !new.is_empty() && new != old => {
            Err(Refusal::unprocessable(format!("{field} of a load balancer cannot be changed")))
        }
        _ => Ok(()),
    };
    fixed("region", &spec.region, &old.region)?;
    fixed("vpc_uuid", &spec.vpc_uuid, &old.vpc_uuid)?;
    fixed("network", &spec.network, &old.network)?;
    fixed("type", &spec.kind, &old.kind)?;
    let name = spec.name.clone().unwrap_or_default();
    check_name(w, &name, Some(old.seq))?;
    check_droplets(w, spec, &old.vpc_uuid)?;
    let project_id = project(w, spec.project_id.as_deref())?;
    let tags = own_tags(w, spec)?;
    let new = LoadBalancer {
        name,
        tags,
        size_unit: spec.units(),
        health_check: spec.health_check.clone().unwrap_or_default(),
        sticky_sessions: spec.sticky_sessions.clone().unwrap_or_default(),
        firewall: spec.firewall.clone().unwrap_or_default(),
        project_id,
        ..LoadBalancer::clone(&old)
    };
    Ok(w.load_balancers.put(settle(new, spec)))
}

/// Sets the fields that a create and a replace take over in the same way.
fn settle(mut l: LoadBalancer, spec: &Spec) -> LoadBalancer {
    l.forwarding_rules = spec.forwarding_rules.clone().unwrap_or_default();
    l.tag = spec.tag.clone().filter(|t| !t.is_empty());
    l.droplet_ids = spec.droplet_ids.clone().unwrap_or_default();
    l.redirect_http_to_https = spec.redirect_http_to_https.unwrap_or(false);
    l.enable_proxy_protocol = spec.enable_proxy_protocol.unwrap_or(false);
    l.enable_backend_keepalive = spec.enable_backend_keepalive.unwrap_or(false);
    l.disable_lets_encrypt_dns_records = spec.disable_lets_encrypt_dns_records.unwrap_or(false);
    l.http_idle_timeout_seconds = spec.http_idle_timeout_seconds.unwrap_or(60);
    l.tls_cipher_policy = spec.tls_cipher_policy.clone().unwrap_or_else(|| "DEFAULT".to_owned());
    l
}

fn check_name(w: &World, name: &str, but: Option<u64>) -> Result<(), Refusal> {
    if w.load_balancers.by_name(name).any(|l| Some(l.seq) != but) {
        return Err(Refusal::unprocessable("name is not unique"));
    }
    Ok(())
}

fn check_droplets(w: &World, spec: &Spec, vpc: &str) -> Result<(), Refusal> {
    check_ids(w, spec.droplet_ids.as_deref().unwrap_or_default(), vpc)
}

/// Checks that droplets exist in the load balancer's VPC.
///
/// # Errors
/// Returns 422 for the first that doesn't.
pub fn check_ids(w: &World, ids: &[u64], vpc: &str) -> Result<(), Refusal> {
    for id in ids {
        match w.droplets.get(*id) {
            None => {
                return Err(Refusal::unprocessable(format!("droplet {id} could not be found")));
            }
            Some(d) if d.vpc_uuid != vpc => {
                return Err(Refusal::unprocessable(format!(
                    "droplet {id} is not in the VPC of the load balancer"
                )));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

fn project(w: &World, id: Option<&str>) -> Result<String, Refusal> {
    match id.filter(|i| !i.is_empty()) {
        Some(id) if w.projects.by_id(id).is_some() => Ok(id.to_owned()),
        Some(id) => Err(Refusal::unprocessable(format!("project {id} could not be found"))),
        None => {
            Ok(w.projects.iter().find(|p| p.is_default).map(|p| p.id.clone()).unwrap_or_default())
        }
    }
}
