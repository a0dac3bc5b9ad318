//! What infra.toml leaves open: the range of the private network, which depends on the account, and the
//! bucket's name, which depends on nothing that a stranger could know.

use infra_provider_api::{
    Address, CloudError, Cluster, Context, Diagnostic, RawJson, new_bucket_name,
};
use ipnet::Ipv4Net;

use crate::{
    resources::{Api, is_own_vpc},
    wire::Vpc,
};

/// Where a free range is looked for, in this order.
const SPACES: [([u8; 4], u8); 4] =
    [([10, 110, 0, 0], 15), ([10, 112, 0, 0], 12), ([172, 16, 0, 0], 12), ([192, 168, 0, 0], 16)];

fn overlaps(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other.network()) || other.contains(&one.network())
}

/// Returns the first range as large as the wanted one that nothing else uses; the wanted one is tried
/// first.
fn free(wanted: Ipv4Net, taken: &[Ipv4Net]) -> Option<Ipv4Net> {
    let spaces =
        SPACES.iter().filter_map(|(first, prefix)| Ipv4Net::new((*first).into(), *prefix).ok());
    let parts = spaces.filter_map(|space| space.subnets(wanted.prefix_len()).ok()).flatten();
    std::iter::once(wanted)
        .chain(parts)
        .find(|range| !taken.iter().any(|one| overlaps(*range, *one)))
}

async fn all_vpcs(api: &Api, cx: &Context) -> Result<Vec<Vpc>, CloudError> {
    api.client.list_shared(cx, "list VPCs", &["vpcs"], &[], "vpcs").await
}

/// Returns the networks of others with their ranges.
fn others(cx: &Context, all: Vec<Vpc>) -> Vec<(Vpc, Ipv4Net)> {
    let others = all.into_iter().filter(|vpc| !is_own_vpc(cx, vpc));
    let ranged = others.filter_map(|vpc| {
        let range = vpc.ip_range.parse().ok()?;
        Some((vpc, range))
    });
    ranged.collect()
}

/// Sets what infra.toml leaves open: as it was chosen before, as long as that exists or is recorded.
pub(crate) async fn choose(
    api: &Api,
    cx: &Context,
    cluster: &mut Cluster,
    existing: &[(Address, RawJson)],
) -> Result<(), CloudError> {
    if cluster.bucket.is_none() {
        let bucket = Address::new("bucket", "artifacts");
        let before = existing.iter().find(|(address, _)| *address == bucket);
        let name = before.and_then(|(_, spec)| spec.text("name"));
        cluster.bucket = Some(name.unwrap_or_else(|| new_bucket_name(&cx.owner)));
    }
    range(api, cx, cluster, existing).await
}

/// Sets the range of the machines where infra.toml names none: that of the cluster's network, else a
/// free one.
async fn range(
    api: &Api,
    cx: &Context,
    cluster: &mut Cluster,
    existing: &[(Address, RawJson)],
) -> Result<(), CloudError> {
    let network = &mut cluster.network;
    if network.machines_source.is_some() {
        return Ok(());
    }
    let before = existing.iter().find(|(address, _)| *address == Address::new("vpc", "main"));
    let before = before.and_then(|(_, spec)| spec.text("ip_range")?.parse().ok());
    if let Some(range) = before {
        network.machines = range;
        return Ok(());
    }
    let others = others(cx, all_vpcs(api, cx).await?);
    let mut taken: Vec<Ipv4Net> = others.into_iter().map(|(_, range)| range).collect();
    taken.extend([network.pods, network.services]);
    if let Some(range) = free(network.machines, &taken) {
        network.machines = range;
    }
    Ok(())
}

/// Returns what is wrong with the range of the network: no two of an account may overlap.
pub(crate) async fn range_problem(
    api: &Api,
    cx: &Context,
    cluster: &Cluster,
) -> Result<Option<Diagnostic>, CloudError> {
    let wanted = cluster.network.machines.trunc();
    let all = all_vpcs(api, cx).await?;
    if all.iter().any(|vpc| is_own_vpc(cx, vpc)) {
        return Ok(None);
    }
    let others = others(cx, all);
    let Some((vpc, range)) = others.iter().find(|(_, range)| overlaps(wanted, *range)) else {
        return Ok(None);
    };
    let mut taken: Vec<Ipv4Net> = others.iter().map(|(_, range)| *range).collect();
    taken.extend([cluster.network.pods, cluster.network.services]);
    let hint = match free(wanted, &taken) {
        Some(free) => format!(
            "leave `machines` under [network] out, and a free range is chosen; or write {free}, which \
             is free"
        ),
        None => "delete a VPC that is not used, or make the range smaller".to_owned(),
    };
    let message =
        format!("the range {wanted} overlaps with the VPC {} ({range}) of this account", vpc.name);
    let source = cluster.network.machines_source.as_ref();
    Ok(Some(Diagnostic::new(message).help(hint).in_source(source)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_free_range_is_taken() {
        let net = |text: &str| text.parse::<Ipv4Net>().unwrap();
        let wanted = net("10.110.0.0/20");
        assert_eq!(free(wanted, &[]), Some(wanted));
        assert_eq!(free(wanted, &[net("10.110.0.0/20")]), Some(net("10.110.16.0/20")));
        assert_eq!(free(wanted, &[net("10.110.0.0/16")]), Some(net("10.111.0.0/20")));
        let taken = [net("10.110.0.0/28"), net("10.110.17.0/24"), net("10.110.32.0/20")];
        assert_eq!(free(wanted, &taken), Some(net("10.110.48.0/20")));
        assert_eq!(free(wanted, &[net("10.0.0.0/8")]), Some(net("172.16.0.0/20")));
        let all = [net("10.0.0.0/8"), net("172.16.0.0/12"), net("192.168.0.0/16")];
        assert_eq!(free(wanted, &all), None);
    }
}
