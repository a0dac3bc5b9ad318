//! Whether version, zones, machine types and quotas fit, before anything is created.

mod offers;
mod quota;

use infra_provider_api::{Address, CloudError, Cluster, Context, Diagnostic, Pool};

use crate::{
    Scope,
    container::Fresh,
    offer::zones_of,
    ownership,
    resources::{Api, CLUSTER_KIND, POOL_KIND, downgrade, labels_of, observed_version},
    sizes::Sizes,
};

pub(crate) use quota::Needs;

const OPERATION: &str = "check what Google offers";

/// Checks what GKE offers and the project's quotas. It makes five calls side by side, however large the
/// cluster. It makes none but the list of clusters, which others read as well, if no pool is to be made,
/// because then everything has been checked before.
pub(crate) async fn preflight(
    api: &Api,
    cx: &Context,
    cluster: &Cluster,
    created: &[Address],
) -> Result<Vec<Diagnostic>, CloudError> {
    let clusters = api.container.clusters(cx, Fresh::Shared).await?;
    let scope = Scope::of(cluster);
    let here =
        clusters.iter().find(|one| one.name == cluster.name && one.location == scope.location);
    let mut problems = Vec::new();
    let mut upgrades = created.iter().any(|one| one.kind() == CLUSTER_KIND);
    if let Some(here) = here {
        let labels = labels_of(&here.resource_labels);
        if ownership::is_own(&cx.owner, &labels) {
            let is = observed_version(here);
            upgrades |= is != cluster.versions.kubernetes;
            problems.extend(downgrade(here, &cluster.versions.kubernetes).map(|problem| {
                Diagnostic::new(problem.message)
                    .help(format!("write kubernetes = \"{}\"", problem.asked))
                    .in_source(cluster.versions.source.as_ref())
            }));
        } else {
            let whose = ownership::other_owner(&cx.owner, &labels);
            let whose = whose.map_or_else(
                || "which infra did not make".to_owned(),
                |owner| format!("of the owner {owner}"),
            );
            let message = format!(
                "there is a GKE cluster {} in {} already, {whose}",
                cluster.name, scope.location
            );
            problems.push(Diagnostic::new(message).help("choose another name under [cluster]"));
        }
    }
    let new_pools: Vec<&str> =
        created.iter().filter(|one| one.kind() == POOL_KIND).map(Address::name).collect();
    if new_pools.is_empty() && !upgrades {
        return Ok(problems);
    }
    let Some(region) = api.region(cx, OPERATION, &cluster.region).await? else {
        problems.extend(offers::no_region(api, cx, cluster).await?);
        return Ok(problems);
    };
    let (config, zones, types) = futures::try_join!(
        api.container.server_config(cx, OPERATION, &scope.location),
        api.zones_offered(cx, OPERATION),
        api.machine_types(cx, OPERATION, cluster),
    )?;
    let offered = zones_of(&cluster.region, &zones);
    problems.extend(offers::zone_problems(cluster, &offered));
    if upgrades {
        problems.extend(offers::version_problem(cluster, &config));
    }
    if new_pools.is_empty() {
        return Ok(problems);
    }
    problems.extend(offers::image_problem(cluster, &config));
    problems.extend(offers::type_problems(cluster, &types, &offered));
    if let Ok(sizes) = Sizes::known() {
        let is_new = |pool: &Pool| new_pools.iter().any(|name| is_of(name, &pool.name));
        // GKE upgrades the nodes of each pool by adding one first.
        let needs = Needs::of(cluster, &types, &sizes, |pool| {
            Some(pool.nodes.len().max(1) + 1).filter(|_| is_new(pool))
        });
        problems.extend(needs.short(&region).into_iter().map(quota::Short::problem));
    }
    Ok(problems)
}

/// Reports whether a pool has that name, in some generation.
fn is_of(name: &str, pool: &str) -> bool {
    name == pool || infra_provider_api::NodeSlot::parse_name(name).0 == pool
}
