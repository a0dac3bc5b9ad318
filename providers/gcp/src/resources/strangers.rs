//! Strangers: what is in the cluster's network and is not the cluster's. It keeps the network from being
//! deleted, and nobody but its owner may delete it.

use google_cloud_container_v1::model::NodePool;
use infra_provider_api::{CloudError, Context, Effect, ErrorKind, Observed, Obstacle};
use serde::Deserialize;

use super::{
    api::Api,
    gke::{CLUSTER_KIND, pool_labels},
    kubernetes_made::is_controller_name,
    zone_records::{foreign_records, joined},
};
use crate::{
    client::{links_to, project_path},
    container::Fresh,
    ownership::{self, address_of},
    wire::{EndpointGroup, Firewall, ForwardingRule, Router, Subnetwork},
};

/// What is in a network.
#[derive(Debug, Default)]
struct Members {
    /// Not this cluster's.
    strangers: Vec<String>,
    /// Going away by itself or by this tool.
    leaving: Vec<String>,
}

impl Members {
    fn add(&mut self, leaves: bool, word: &str, name: &str) {
        let list = if leaves { &mut self.leaving } else { &mut self.strangers };
        list.push(format!("{word} {name}"));
    }
}

/// A machine, as far as its network goes.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Machine {
    name: String,
    labels: crate::ownership::Labels,
    network_interfaces: Vec<Interface>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Interface {
    network: String,
}

impl Api {
    /// Sorts what is in the network at `link`.
    async fn members(&self, cx: &Context, link: &str) -> Result<Members, CloudError> {
        let operation = "list what is in the network";
        let client = &self.client;
        let at = |place: &str| client.compute(&["aggregated", place]);
        let (instances, rules, groups) =
            (at("instances"), at("forwardingRules"), at("networkEndpointGroups"));
        let (firewalls, subnets, routers) =
            (self.firewalls_url(), self.subnets_url(), self.routers_url());
        let (machines, rules, groups, firewalls, subnets, routers) = futures::try_join!(
            client.aggregated_shared::<Machine>(cx, operation, &instances, &[], "instances"),
            client.aggregated_shared::<ForwardingRule>(
                cx,
                operation,
                &rules,
                &[],
                "forwardingRules"
            ),
            client.aggregated_shared::<EndpointGroup>(
                cx,
                operation,
                &groups,
                &[],
                "networkEndpointGroups"
            ),
            client.list_shared::<Firewall>(cx, operation, &firewalls, &[]),
            client.list_shared::<Subnetwork>(cx, operation, &subnets, &[]),
            client.list_shared::<Router>(cx, operation, &routers, &[]),
        )?;
        let inside = |network: &str| links_to(network, link);
        let own = |kind: &str, name: &str| address_of(&cx.owner, kind, name).is_some();
        let mut members = Members::default();
        let machines = machines.iter().filter(|one| {
            one.network_interfaces.iter().any(|interface| inside(&interface.network))
        });
        for one in machines {
            let cluster = one.labels.get("goog-k8s-cluster-name");
            members.add(cluster == Some(&self.scope.cluster), "machine", &one.name);
        }
        for one in rules.iter().filter(|one| one.network.as_deref().is_some_and(inside)) {
            let made = super::kubernetes_made::service_of(&one.description).is_some();
            members.add(made || is_controller_name(&one.name), "load balancer", &one.name);
        }
        for one in groups.iter().filter(|one| inside(&one.network)) {
            members.add(is_controller_name(&one.name), "endpoint group", &one.name);
        }
        for one in firewalls.iter().filter(|one| inside(&one.network)) {
            // Those of GKE itself go with its cluster.
            let gke = one.name.starts_with(&format!("gke-{}-", self.scope.cluster));
            let leaves = gke || is_controller_name(&one.name) || own("firewall", &one.name);
            members.add(leaves, "firewall rule", &one.name);
        }
        for one in subnets.iter().filter(|one| inside(&one.network)) {
            members.add(own("subnet", &one.name), "subnet", &one.name);
        }
        for one in routers.iter().filter(|one| inside(&one.network)) {
            members.add(own("router", &one.name), "router", &one.name);
        }
        Ok(members)
    }
}

/// Explains why the network was not deleted. What leaves it is waited for; what stays is not.
pub(super) async fn explain_members(
    api: &Api,
    cx: &Context,
    observed: &Observed,
    error: CloudError,
) -> CloudError {
    let link = observed.outputs.text("link").unwrap_or_default();
    let Ok(members) = api.members(cx, &link).await else { return error };
    if !members.strangers.is_empty() {
        let names = joined(&members.strangers);
        let message = format!("{}; in it, and not this cluster's: {names}", error.message);
        return CloudError { kind: ErrorKind::Blocked, message, ..error }
            .with_hint("delete these, then run `infra destroy` again");
    }
    if !members.leaving.is_empty() {
        let message = format!("{}: {}", error.message, joined(&members.leaving));
        return CloudError { kind: ErrorKind::Busy, message, hint: None, ..error };
    }
    error
}

/// Names the pools of a cluster that somebody else made: they go with it.
async fn strange_pools(
    api: &Api,
    cx: &Context,
    cluster: &Observed,
) -> Result<Vec<Obstacle>, CloudError> {
    let all = api.own_clusters(cx, Fresh::Shared).await?;
    let here = all.iter().filter(|one| api.path_of(one).to_string() == cluster.id);
    let pools = here.flat_map(|one| &one.node_pools);
    let strange = pools.filter(|pool| !ownership::is_own(&cx.owner, &pool_labels(pool)));
    let obstacle = |pool: &NodePool| Obstacle {
        address: cluster.address.clone(),
        message: format!("the pool {}, which infra did not make, goes with it", pool.name),
        hint: "move what runs there first".to_owned(),
        effect: Effect::Warns,
    };
    Ok(strange.map(obstacle).collect())
}

/// Returns what will keep the networks among `going` from being deleted, and the zones that hold records of
/// others.
pub(crate) async fn obstacles(
    api: &Api,
    cx: &Context,
    going: &[&Observed],
) -> Result<Vec<Obstacle>, CloudError> {
    let mut found = Vec::new();
    for network in going.iter().filter(|one| one.address.kind() == "network") {
        let link = network.outputs.text("link").unwrap_or_default();
        let members = api.members(cx, project_path(&link)).await?;
        found.extend(members.strangers.iter().map(|name| Obstacle {
            address: network.address.clone(),
            message: format!(
                "{name} is in it and is not this cluster's: it is left, and so is this network"
            ),
            hint: "delete it".to_owned(),
            effect: Effect::Warns,
        }));
    }
    for cluster in going.iter().filter(|one| one.address.kind() == CLUSTER_KIND) {
        found.extend(strange_pools(api, cx, cluster).await?);
    }
    let records = going.iter().filter(|one| one.address.kind() == "record");
    let own: Vec<&str> = records.map(|one| one.address.name()).collect();
    for zone in going.iter().filter(|one| one.address.kind() == "managed_zone") {
        let records = foreign_records(api, cx, &zone.id, &own).await?;
        found.extend((!records.is_empty()).then(|| Obstacle {
            address: zone.address.clone(),
            message: format!("it holds records that are not this cluster's: {}", joined(&records)),
            hint: format!("`--delete-zone {}` deletes it with them", zone.address.name()),
            effect: Effect::Keeps,
        }));
    }
    Ok(found)
}
