//! Whether version, zones, machine types and quotas fit, before anything is created.

mod offers;
mod quota;

use google_cloud_container_v1::model::{Cluster as Gke, NodePool};
use infra_provider_api::{Address, CloudError, Cluster, Context, Diagnostic, Pool};

use crate::{
    Scope,
    container::Fresh,
    offer::zones_of,
    ownership,
    resources::{
        Api, CLUSTER_KIND, POOL_KIND, Version, downgrade, labels_of, observed_version, pool_labels,
        size_of,
    },
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
            let back = downgrade(here, &cluster.versions.kubernetes);
            // The channel may have gone further than what is asked for, and not offer that any more.
            let current = Version::parse(&here.current_master_version);
            upgrades |= back.is_none()
                && observed_version(here) != cluster.versions.kubernetes
                && current < Version::parse(&cluster.versions.kubernetes);
            problems.extend(back.map(|problem| {
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
    let pools = own_pools(api, cx, cluster, here).await?;
    problems.extend(strange_pools(cx, cluster, here, &new_pools));
    let is_new = |pool: &Pool| new_pools.contains(&pool.generation_name().as_str());
    // GKE upgrades the nodes of each pool by adding one first.
    let more = |pool: &Pool| match is_new(pool) {
        true => Some(pool.nodes.len().max(1) + 1),
        false => {
            let name = pool.generation_name();
            let has = pools.iter().find(|(own, _)| *own == name).map(|(_, has)| *has);
            has.and_then(|has| pool.nodes.len().checked_sub(has)).filter(|more| *more > 0)
        }
    };
    let grows = cluster.pools.iter().any(|pool| more(pool).is_some());
    if !grows && !upgrades {
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
    if !new_pools.is_empty() {
        problems.extend(offers::image_problem(cluster, &config));
        problems.extend(offers::type_problems(cluster, &types, &offered));
    }
    if let Ok(sizes) = Sizes::known() {
        let needs = Needs::of(cluster, &types, &sizes, more);
        problems.extend(needs.short(&region).into_iter().map(quota::Short::problem));
    }
    Ok(problems)
}

/// Returns the pools of the cluster that are its own, and how many nodes each has.
async fn own_pools(
    api: &Api,
    cx: &Context,
    cluster: &Cluster,
    here: Option<&Gke>,
) -> Result<Vec<(String, usize)>, CloudError> {
    let Some(here) = here.filter(|_| cluster.pools.iter().any(|pool| pool.bounds.is_none())) else {
        return Ok(Vec::new());
    };
    let own = api.own_pools(cx, std::slice::from_ref(here));
    if own.is_empty() {
        return Ok(Vec::new());
    }
    let groups = api.groups(cx, Fresh::Shared).await?;
    let sized = own.iter().filter_map(|one| {
        let size = size_of(&one.pool, &groups)?;
        Some((one.address.name().to_owned(), size as usize))
    });
    Ok(sized.collect())
}

/// Returns the pools that are to be made and are there already, made by somebody else.
fn strange_pools(
    cx: &Context,
    cluster: &Cluster,
    here: Option<&Gke>,
    new_pools: &[&str],
) -> Vec<Diagnostic> {
    let there = here.map(|here| here.node_pools.as_slice()).unwrap_or_default();
    let strange = there.iter().filter(|pool| {
        new_pools.contains(&pool.name.as_str()) && !ownership::is_own(&cx.owner, &pool_labels(pool))
    });
    let problem = |pool: &NodePool| {
        let declared = cluster.pools.iter().find(|one| one.generation_name() == pool.name);
        Diagnostic::new(format!(
            "there is a pool {} in the GKE cluster {} already, which infra did not make",
            pool.name, cluster.name
        ))
        .help("give the pool another name in infra.toml, or delete the one that is there")
        .in_source(declared.and_then(|pool| pool.source.as_ref()))
    };
    strange.map(problem).collect()
}
