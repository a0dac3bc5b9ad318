//! Zone problem: what is wrong with the domain's zone before anything is made.

use infra_provider_api::{Address, CloudError, Cluster, Context, Diagnostic};

use super::{
    api::Api,
    managed_zone::{
        KIND, MISSING_HINT, TAKEN_HINT, missing_message, plain_name, taken_message, zone_of,
    },
};
use crate::ownership::is_own;

/// Finds a zone that is missing, or that belongs to somebody else, before anything is made. It makes one
/// call, and none if neither the zone nor a record in it is to be made.
pub(crate) async fn zone_problem(
    api: &Api,
    cx: &Context,
    cluster: &Cluster,
    created: &[Address],
) -> Result<Option<Diagnostic>, CloudError> {
    let Some(dns) = &cluster.dns else { return Ok(None) };
    let is_concerned = |one: &&Address| match dns.manage_zone {
        true => **one == Address::new(KIND, &dns.domain),
        false => one.kind() == "record",
    };
    if !created.iter().any(|one| is_concerned(&one)) {
        return Ok(None);
    }
    let zones = api.zones(cx).await?;
    let problem = |message: String, help: &str| {
        Diagnostic::new(message).help(help).in_source(dns.source.as_ref())
    };
    if !dns.manage_zone {
        let there = zone_of(cx, zones, &dns.domain);
        let missing = || problem(missing_message(&dns.domain), MISSING_HINT);
        return Ok(there.is_none().then(missing));
    }
    let mut same = zones.iter().filter(|zone| plain_name(&zone.dns_name) == dns.domain);
    let theirs = same.find(|zone| !is_own(&cx.owner, &zone.labels));
    Ok(theirs.map(|zone| problem(taken_message(&dns.domain, zone), TAKEN_HINT)))
}
