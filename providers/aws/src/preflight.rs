//! Whether zones, types, images and limits fit, before anything is created.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_ec2::types::LocationType;
use infra_provider_api::{Address, CloudError, Cluster, Context, Diagnostic, ErrorKind, Source};

use crate::{
    images, regions,
    resources::{Api, filter},
    sizes::Sizes,
};

/// Checks the zones, then types and images. It makes a few calls side by side, however large the
/// cluster. It makes none if no machine is to be made, because then everything has been checked
/// before.
pub(crate) async fn preflight(
    api: &Api,
    cx: &Context,
    cluster: &Cluster,
    created: &[Address],
) -> Result<Vec<Diagnostic>, CloudError> {
    if !created.iter().any(|one| one.kind() == "instance") {
        return Ok(Vec::new());
    }
    let zones = open_zones(api, cx).await?;
    let mut problems = zone_problems(cluster, &zones);
    let (types, images) = futures::try_join!(
        type_problems(api, cx, cluster, &zones),
        image_problems(api, cx, cluster)
    )?;
    problems.extend(types.into_iter().chain(images));
    Ok(problems)
}

/// Returns the zones of the region that are open to the account.
pub(crate) async fn open_zones(api: &Api, cx: &Context) -> Result<Vec<String>, CloudError> {
    let operation = "check what AWS offers";
    let answer = api
        .read(cx, operation, || {
            let call = api.ec2.describe_availability_zones();
            call.filters(filter("zone-type", ["availability-zone"])).send()
        })
        .await?;
    let names = answer.availability_zones().iter().filter_map(|zone| zone.zone_name());
    Ok(names.map(str::to_owned).collect())
}

fn zone_problems(cluster: &Cluster, open: &[String]) -> Vec<Diagnostic> {
    let asked = regions::zones(&cluster.region, &cluster.placement.zones);
    let source = cluster.placement.source.as_ref().or(cluster.region_source.as_ref());
    let missing = asked.iter().filter(|zone| !open.contains(zone));
    missing
        .map(|zone| {
            Diagnostic::new(format!("the account has no zone `{zone}`"))
                .help(format!("there are {}: `zones` under [providers.aws]", open.join(", ")))
                .in_source(source)
        })
        .collect()
}

/// Returns the types that the pools get, each with its place in infra.toml and the zones it is
/// needed in.
fn wanted(cluster: &Cluster) -> BTreeMap<String, (Option<Source>, BTreeSet<String>)> {
    let zones = regions::zones(&cluster.region, &cluster.placement.zones);
    let mut wanted = BTreeMap::new();
    let Ok(sizes) = Sizes::known() else { return wanted };
    for pool in &cluster.pools {
        let Some(name) = sizes.name(&pool.size) else { continue };
        let source = pool.size_place().cloned();
        let (_, needed) = wanted.entry(name).or_insert((source, BTreeSet::new()));
        needed.extend(zones.iter().take(pool.nodes.len()).cloned());
    }
    wanted
}

async fn offerings(
    api: &Api,
    cx: &Context,
    names: Option<Vec<String>>,
) -> Result<Vec<(String, String)>, CloudError> {
    let call = || {
        let call = api
            .ec2
            .describe_instance_type_offerings()
            .location_type(LocationType::AvailabilityZone);
        let call = match &names {
            Some(names) => call.filters(filter("instance-type", names)),
            None => call,
        };
        call.into_paginator().items().send().collect::<Result<Vec<_>, _>>()
    };
    let all = api.read(cx, "check what AWS offers", call).await?;
    let pair = |one: &aws_sdk_ec2::types::InstanceTypeOffering| {
        Some((one.instance_type()?.as_str().to_owned(), one.location()?.to_owned()))
    };
    Ok(all.iter().filter_map(pair).collect())
}

async fn type_problems(
    api: &Api,
    cx: &Context,
    cluster: &Cluster,
    open: &[String],
) -> Result<Vec<Diagnostic>, CloudError> {
    let wanted = wanted(cluster);
    let names: Vec<String> = wanted.keys().cloned().collect();
    let offered = offerings(api, cx, Some(names)).await?;
    let mut problems = Vec::new();
    let mut everything = None;
    for (name, (source, zones)) in wanted {
        let here: BTreeSet<&String> =
            offered.iter().filter(|(of, _)| *of == name).map(|(_, zone)| zone).collect();
        if here.is_empty() {
            // Only now is it worth asking for all there are.
            if everything.is_none() {
                everything = Some(offerings(api, cx, None).await?);
            }
            let all = everything.iter().flatten().map(|(of, _)| of.as_str());
            let hint = match infra_provider_api::nearest(&name, all) {
                Some(near) => format!("did you mean `{near}`?"),
                None => "`aws ec2 describe-instance-type-offerings` lists them all".to_owned(),
            };
            let message = format!("the type `{name}` does not exist in {}", cluster.region);
            problems.push(Diagnostic::new(message).help(hint).in_source(source.as_ref()));
            continue;
        }
        let missing: Vec<&str> = zones
            .iter()
            // A zone that there is not is a problem of its own.
            .filter(|zone| open.contains(zone) && !here.contains(zone))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            let there: Vec<&str> = here.into_iter().map(String::as_str).collect();
            let message = format!("the type `{name}` is not offered in {}", missing.join(", "));
            let help = format!(
                "it is in {}: name another type, or `zones` under [providers.aws]",
                there.join(", ")
            );
            problems.push(Diagnostic::new(message).help(help).in_source(source.as_ref()));
        }
    }
    Ok(problems)
}

/// Images that are named by their id have to be there; those that are looked up are when they are.
async fn image_problems(
    api: &Api,
    cx: &Context,
    cluster: &Cluster,
) -> Result<Vec<Diagnostic>, CloudError> {
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for pool in &cluster.pools {
        let Some((owner, pattern)) = images::lookup(&pool.image) else { continue };
        if !seen.insert(pattern) {
            continue;
        }
        let by_id = owner == "-";
        let call = || {
            let call = api.ec2.describe_images();
            let call = if by_id {
                call.image_ids(pattern)
            } else {
                call.owners(owner).filters(filter("name", [pattern]))
            };
            call.send()
        };
        let there = match api.read(cx, "check what AWS offers", call).await {
            Ok(answer) => !answer.images().is_empty(),
            Err(error) if error.kind == ErrorKind::NotFound => false,
            Err(error) if error.message.starts_with("InvalidAMIID") => false,
            Err(error) => return Err(error),
        };
        if !there {
            let message =
                format!("the image `{}` does not exist in {}", pool.image, cluster.region);
            let help = format!(
                "images differ from region to region; `image` takes {}, OWNER/PATTERN, or an id (ami-…)",
                images::aliases().join(", ")
            );
            problems.push(
                Diagnostic::new(message).help(help).in_source(cluster.placement.source.as_ref()),
            );
        }
    }
    Ok(problems)
}
