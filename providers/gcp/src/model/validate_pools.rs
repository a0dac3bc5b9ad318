//! What pools on GKE can't have.

use infra_provider_api::Pool;

use super::validate::Problems;
use crate::resources::is_reserved;

/// GKE begins each pool with the same number of nodes in each zone.
pub(super) fn counts(problems: &mut Problems, pool: &Pool, zones: usize) {
    if zones < 2 {
        return;
    }
    let count = pool.nodes.len();
    if let Some(bounds) = pool.bounds {
        let first = count.max(1).div_ceil(zones) * zones;
        if first > bounds.max as usize {
            problems.add(
                format!(
                    "the pool {} begins with {first} nodes, the same number in each of {zones} zones, and may \
                     have {}",
                    pool.name, bounds.max
                ),
                format!("raise `max` to {first}, or name fewer `zones` under [providers.gcp]"),
                pool.source.as_ref(),
            );
        }
        return;
    }
    if count.is_multiple_of(zones) {
        return;
    }
    let below = count / zones * zones;
    let near = match below {
        0 => format!("{zones}"),
        below => format!("{below} or {}", below + zones),
    };
    problems.add(
        format!(
            "{} of the pool {} can't be the same number in {zones} zones",
            if count == 1 { "1 node".to_owned() } else { format!("{count} nodes") },
            pool.name
        ),
        format!("write count = {near}, or name other `zones` under [providers.gcp]"),
        pool.source.as_ref(),
    );
}

/// GKE keeps some keys of labels and taints for itself.
pub(super) fn keys(problems: &mut Problems, pool: &Pool) {
    let help = "choose a key of another domain: GKE keeps those of kubernetes.io, k8s.io, gke.io and \
                google.com for itself";
    for key in pool.labels.keys().filter(|key| is_reserved(key)) {
        let message = format!("GKE refuses the label `{key}` of the pool {}", pool.name);
        problems.add(message, help, pool.source.as_ref());
    }
    for taint in &pool.taints {
        let key = taint.split([':', '=']).next().unwrap_or_default();
        if is_reserved(key) {
            let message = format!("GKE refuses the taint `{taint}` of the pool {}", pool.name);
            problems.add(message, help, pool.source.as_ref());
        }
    }
}
