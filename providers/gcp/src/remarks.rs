//! What is worth knowing before a cluster is made: what infra.toml asks for that GKE has no use for, and what
//! the project has no room for if pools grow.

use infra_provider_api::{Access, CloudError, Cluster, Context, SourceRange};

use crate::{preflight::Needs, resources::Api, sizes::Sizes};

/// Returns the notes on a cluster that is to be made.
pub(crate) async fn remarks(
    api: &Api,
    cx: &Context,
    cluster: &Cluster,
) -> Result<Vec<String>, CloudError> {
    let mut notes = unused(cluster);
    if cluster.pools.iter().any(|pool| pool.bounds.is_some()) {
        let operation = "check what Google offers";
        let (region, types) = futures::try_join!(
            api.region(cx, operation, &cluster.region),
            api.machine_types(cx, operation, cluster),
        )?;
        if let (Some(region), Ok(sizes)) = (region, Sizes::known()) {
            let most = Needs::of(cluster, &types, &sizes, |pool| Some(pool.nodes_max()));
            let short = most.short(&region);
            notes.extend(
                short
                    .iter()
                    .map(|short| format!("the pools can't grow to their `max`: {}", short.text())),
            );
        }
    }
    Ok(notes)
}

/// Returns what of infra.toml has no meaning on GKE.
pub(crate) fn unused(cluster: &Cluster) -> Vec<String> {
    let mut notes = Vec::new();
    if !cluster.ssh_keys.is_empty() {
        notes.push(
            "GKE takes no keys of [ssh_keys]: `gcloud compute ssh` logs in by OS Login".to_owned(),
        );
    }
    if cluster.bucket.is_some() {
        notes.push("a cluster on GKE has no bucket, so that of [artifacts] is not made".to_owned());
    }
    let is_cidr = |source: &SourceRange| matches!(source, SourceRange::Cidr(_));
    let mut rules = cluster.firewall.iter().filter(|rule| rule.to == Access::ControlPlane);
    if rules.any(|rule| rule.from.iter().any(is_cidr)) {
        notes.push(
            "Google runs the control plane: firewall rules to it have no meaning; rules with \
             `to = \"api\"` say who may connect"
                .to_owned(),
        );
    }
    notes
}
