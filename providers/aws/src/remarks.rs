//! What is worth knowing before a network is made.

use infra_provider_api::{CloudError, Cluster, Context};
use ipnet::Ipv4Net;

use crate::resources::{Api, Networks};

/// Returns a note on networks of the region whose ranges overlap with that of the network to be made.
/// AWS takes that, and so do its users; it only rules out what would join the networks.
pub(crate) async fn remarks(
    api: &Api,
    cx: &Context,
    cluster: &Cluster,
) -> Result<Vec<String>, CloudError> {
    let Networks { own, others } = api.networks(cx).await?;
    // One that is there is not changed any more.
    if own {
        return Ok(Vec::new());
    }
    let wanted = cluster.network.machines.trunc();
    Ok(overlapping(wanted, &others).into_iter().collect())
}

fn overlapping(wanted: Ipv4Net, others: &[(String, Ipv4Net)]) -> Option<String> {
    let overlaps =
        |range: &Ipv4Net| wanted.contains(&range.network()) || range.contains(&wanted.network());
    let all: Vec<String> = others
        .iter()
        .filter(|(_, range)| overlaps(range))
        .map(|(name, range)| format!("{name} ({range})"))
        .collect();
    (!all.is_empty()).then(|| {
        format!(
            "the network's range {wanted} overlaps with {}: AWS takes that, but the two can't be \
             peered or joined by a transit gateway; `machines` under [network] chooses another",
            all.join(", ")
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_overlap_are_named() {
        let net = |text: &str| text.parse::<Ipv4Net>().unwrap();
        let others = [
            ("VPC shop (vpc-1)".to_owned(), net("10.110.0.0/16")),
            ("VPC vpc-2".to_owned(), net("172.31.0.0/16")),
        ];
        assert_eq!(overlapping(net("10.20.0.0/16"), &others), None);
        let note = overlapping(net("10.110.16.0/20"), &others).unwrap();
        assert!(note.contains("VPC shop (vpc-1) (10.110.0.0/16): AWS takes that"), "{note}");
        assert!(!note.contains("vpc-2"), "{note}");
    }
}
