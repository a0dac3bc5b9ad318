//! What infra.toml leaves open and the account decides: the zones, and the bucket's name.

use std::sync::Arc;

use infra_provider_api::{Address, CloudError, Cluster, Context, RawJson};
use ipnet::Ipv4Net;

use crate::{
    preflight::open_zones,
    resources::{Api, Buckets},
};

/// So many zones are taken where the account has them.
const ZONES: usize = 3;

/// Sets what infra.toml leaves open.
pub(crate) async fn choose(
    api: &Arc<Api>,
    cx: &Context,
    cluster: &mut Cluster,
    existing: &[(Address, RawJson)],
) -> Result<(), CloudError> {
    zones(api, cx, cluster, existing).await?;
    if cluster.bucket.is_none() {
        let bucket = Address::new("bucket", "artifacts");
        let before = existing.iter().find(|(address, _)| *address == bucket);
        cluster.bucket = match before.and_then(|(_, spec)| spec.text("name")) {
            Some(name) => Some(name),
            None => Some(Buckets(Arc::clone(api)).new_name(cx).await?),
        };
    }
    Ok(())
}

/// Sets the zones where infra.toml names none: those of the cluster's subnets, and up to three in all
/// that are open to the account.
async fn zones(
    api: &Api,
    cx: &Context,
    cluster: &mut Cluster,
    existing: &[(Address, RawJson)],
) -> Result<(), CloudError> {
    if !cluster.placement.zones.is_empty() {
        return Ok(());
    }
    let mut used = used(existing);
    // A record may be of another region.
    used.retain(|zone| zone.starts_with(&cluster.region));
    cluster.placement.zones =
        if used.len() >= ZONES { used } else { merged(used, open_zones(api, cx).await?) };
    Ok(())
}

/// Returns the zones of the subnets that machines are in, in the order of their ranges: each zone has its
/// place in the network.
fn used(existing: &[(Address, RawJson)]) -> Vec<String> {
    let subnets = existing
        .iter()
        .filter(|(address, _)| address.kind() == "subnet" && address.name().starts_with("nodes-"));
    let mut zones: Vec<(Ipv4Net, String)> = subnets
        .filter_map(|(_, spec)| Some((spec.text("cidr")?.parse().ok()?, spec.text("zone")?)))
        .collect();
    zones.sort();
    zones.into_iter().map(|(_, zone)| zone).collect()
}

/// Returns the first zones of the account; where the cluster is in others, those it is in and more after
/// them.
fn merged(used: Vec<String>, mut open: Vec<String>) -> Vec<String> {
    open.sort();
    let first: Vec<String> = open.iter().take(ZONES).cloned().collect();
    if used.iter().all(|zone| first.contains(zone)) {
        return first;
    }
    let more: Vec<String> = open.into_iter().filter(|zone| !used.contains(zone)).collect();
    used.into_iter().chain(more).take(ZONES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn zones_that_the_account_has() {
        for (used, open, wanted) in [
            (&[][..], &["uw1b", "uw1a"][..], &["uw1a", "uw1b"][..]),
            (&[], &["a", "b", "c", "d"], &["a", "b", "c"]),
            // A run that was cut off made only some of the subnets.
            (&["a", "c"], &["a", "b", "c"], &["a", "b", "c"]),
            // A zone that was opened later moves nobody.
            (&["b", "d"], &["a", "b", "c", "d"], &["b", "d", "a"]),
        ] {
            assert_eq!(merged(texts(used), texts(open)), texts(wanted), "{used:?} {open:?}");
        }
    }

    #[test]
    fn subnets_tell_the_order() {
        let subnet = |name: &str, zone: &str, cidr: &str| {
            let spec = serde_json::json!({"zone": zone, "cidr": cidr});
            (Address::new("subnet", name), RawJson::from(spec))
        };
        let existing = [
            subnet("nodes-a", "x-a", "10.0.32.0/19"),
            subnet("public-c", "x-c", "10.0.128.0/19"),
            subnet("nodes-b", "x-b", "10.0.0.0/19"),
        ];
        assert_eq!(used(&existing), ["x-b", "x-a"]);
    }
}
