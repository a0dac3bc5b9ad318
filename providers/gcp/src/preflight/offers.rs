//! What GKE and Compute have in the region.

use std::collections::BTreeSet;

use google_cloud_container_v1::model::{ServerConfig, release_channel::Channel};
use infra_provider_api::{CloudError, Cluster, Context, Diagnostic, Source, nearest};

use super::OPERATION;
use crate::{
    Scope,
    client::last_segment,
    offer::MachineTypes,
    resources::{Api, Version},
    sizes::Sizes,
};

/// So many versions are named at most.
const VERSIONS_MAX: usize = 6;

/// Returns what is wrong with a region that does not exist.
pub(super) async fn no_region(
    api: &Api,
    cx: &Context,
    cluster: &Cluster,
) -> Result<Vec<Diagnostic>, CloudError> {
    let zones = api.zones_offered(cx, OPERATION).await?;
    let names: BTreeSet<&str> = zones.iter().map(|zone| last_segment(&zone.region)).collect();
    let region = &cluster.region;
    let help = match nearest(region, names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`gcloud compute regions list` lists them all".to_owned(),
    };
    let message = format!("region `{region}` does not exist on Google Cloud");
    let found = Diagnostic::new(message).help(help);
    Ok(vec![found.in_source(cluster.region_source.as_ref())])
}

/// Returns what is wrong with the zones.
pub(super) fn zone_problems(cluster: &Cluster, offered: &[String]) -> Vec<Diagnostic> {
    let source = cluster.placement.source.as_ref().or(cluster.region_source.as_ref());
    let asked = Scope::of(cluster).zones;
    let missing = asked.iter().filter(|zone| !offered.contains(zone));
    missing
        .map(|zone| {
            Diagnostic::new(format!("there is no zone `{zone}`"))
                .help(format!("there are {}: `zones` under [providers.gcp]", offered.join(", ")))
                .in_source(source)
        })
        .collect()
}

/// Returns the versions of control planes that the cluster's channel offers, newest first.
fn offered(cluster: &Cluster, config: &ServerConfig) -> Vec<Version> {
    let wanted = match cluster.managed.channel.as_deref() {
        Some("rapid") => Channel::Rapid,
        Some("stable") => Channel::Stable,
        Some("extended") => Channel::Extended,
        _ => Channel::Regular,
    };
    let channel = config.channels.iter().find(|one| one.channel == wanted);
    let of_channel = channel.map(|one| one.valid_versions.as_slice()).unwrap_or_default();
    let all = if of_channel.is_empty() { &config.valid_master_versions } else { of_channel };
    let versions: BTreeSet<Version> = all.iter().filter_map(|text| Version::parse(text)).collect();
    versions.into_iter().rev().collect()
}

/// Returns what is wrong with the version of Kubernetes.
pub(super) fn version_problem(cluster: &Cluster, config: &ServerConfig) -> Option<Diagnostic> {
    let wanted = Version::parse(&cluster.versions.kubernetes)?;
    let offered = offered(cluster, config);
    if offered.is_empty() || offered.contains(&wanted) {
        return None;
    }
    let of_minor = offered.iter().filter(|one| one.minor() == wanted.minor()).take(VERSIONS_MAX);
    let mut near: Vec<String> = of_minor.map(ToString::to_string).collect();
    if near.is_empty() {
        // Of each minor version the newest.
        let mut minors: Vec<&Version> = offered.iter().collect();
        minors.dedup_by_key(|version| version.minor());
        near = minors.into_iter().take(VERSIONS_MAX).map(ToString::to_string).collect();
    }
    let channel = cluster.managed.channel.as_deref().unwrap_or("regular");
    let message = format!("GKE does not offer Kubernetes {wanted} in the channel {channel}");
    let help = format!("it offers {}: `kubernetes` under [cluster]", near.join(", "));
    Some(Diagnostic::new(message).help(help).in_source(cluster.versions.source.as_ref()))
}

/// Returns what is wrong with the image.
pub(super) fn image_problem(cluster: &Cluster, config: &ServerConfig) -> Option<Diagnostic> {
    let valid = &config.valid_image_types;
    let pool = cluster.pools.first()?;
    if valid.is_empty() || valid.iter().any(|one| one.eq_ignore_ascii_case(&pool.image)) {
        return None;
    }
    let names: Vec<String> = valid.iter().map(|one| one.to_lowercase()).collect();
    let help = match nearest(&pool.image.to_lowercase(), names.iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("there are {}", names.join(", ")),
    };
    let message = format!("GKE has no image `{}`", pool.image);
    Some(Diagnostic::new(message).help(help).in_source(cluster.placement.source.as_ref()))
}

/// Returns what is wrong with the machine types: each must be in all zones of the pools.
pub(super) fn type_problems(
    cluster: &Cluster,
    types: &MachineTypes,
    offered: &[String],
) -> Vec<Diagnostic> {
    let Ok(sizes) = Sizes::known() else { return Vec::new() };
    let zones = Scope::of(cluster).zones;
    let (mut problems, mut seen) = (Vec::new(), BTreeSet::new());
    for pool in &cluster.pools {
        let Some(name) = sizes.name(&pool.size).filter(|name| seen.insert(name.clone())) else {
            continue;
        };
        problems.extend(type_problem(cluster, types, offered, &zones, &name, pool.size_place()));
    }
    problems
}

fn type_problem(
    cluster: &Cluster,
    types: &MachineTypes,
    offered: &[String],
    zones: &[String],
    name: &str,
    source: Option<&Source>,
) -> Option<Diagnostic> {
    let Some(there) = types.zones(name) else {
        let help = match nearest(name, types.names()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "`gcloud compute machine-types list` lists them all".to_owned(),
        };
        let message = format!("the machine type `{name}` does not exist in {}", cluster.region);
        return Some(Diagnostic::new(message).help(help).in_source(source));
    };
    // A zone that there is not is a problem of its own.
    let is_missing = |zone: &&String| offered.contains(zone) && !there.contains(*zone);
    let missing: Vec<&str> = zones.iter().filter(is_missing).map(String::as_str).collect();
    if missing.is_empty() {
        return None;
    }
    let there: Vec<&str> = there.iter().map(String::as_str).collect();
    let message = format!("the machine type `{name}` is not offered in {}", missing.join(", "));
    let help = format!(
        "it is in {}: name another type, or `zones` under [providers.gcp]",
        there.join(", ")
    );
    Some(Diagnostic::new(message).help(help).in_source(source))
}
