//! `kubernetes_load_balancer`: made by a controller for a Service: a forwarding rule with what is behind it.
//! One in the cluster's own network says so; any other is recognized by the firewall rule that the
//! controller made for it in that network.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use infra_provider_api::{CloudError, Context, ErrorKind, Found, Membership, Observed};
use serde::Deserialize;
use serde_json::json;

use super::{
    api::Api,
    kubernetes_made::{Made, MadeSpec, OwnNetwork, found_made, service_of, some_service},
};
use crate::{
    client::{last_segment, links_to, project_path, scope_path},
    wire::{BackendService, ForwardingRule, TargetPool},
};

pub(crate) struct KubernetesLoadBalancers(pub(crate) Arc<Api>);

/// Reports whether a forwarding rule is this cluster's.
fn is_own(network: &OwnNetwork, rule: &ForwardingRule) -> bool {
    let controller_s = service_of(&rule.description).is_some()
        || rule.name.starts_with("k8s2-")
        || network.names_balancer(&rule.name);
    let inside = rule.network.as_deref().is_some_and(|link| links_to(link, &network.link));
    let backend = rule.backend_service.as_deref().map(last_segment);
    (inside && controller_s)
        || network.names_balancer(&rule.name)
        || backend.is_some_and(|name| network.names_backend(name))
}

impl Api {
    /// Lists the forwarding rules of the Services of the cluster in `network`.
    pub(super) async fn made_rules(
        &self,
        cx: &Context,
        network: &OwnNetwork,
    ) -> Result<Vec<ForwardingRule>, CloudError> {
        let url = self.client.compute(&["aggregated", "forwardingRules"]);
        let mut rules: Vec<ForwardingRule> = self
            .client
            .aggregated_shared(cx, "list load balancers", &url, &[], "forwardingRules")
            .await?;
        rules.retain(|rule| is_own(network, rule));
        Ok(rules)
    }

    /// Deletes what `link` leads to and that nothing needs any more. What something else still uses is left
    /// to that.
    async fn delete_unused(
        &self,
        cx: &Context,
        observed: &Observed,
        link: &str,
    ) -> Result<(), CloudError> {
        match self.delete_at(cx, observed, scope_path(link)).await {
            Err(error) if error.kind == ErrorKind::Busy => Ok(()),
            other => other,
        }
    }
}

/// What is behind a forwarding rule, as far as it is deleted with it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Behind {
    health_checks: Vec<String>,
}

#[async_trait]
impl Made for KubernetesLoadBalancers {
    const KIND: &'static str = "kubernetes_load_balancer";

    fn api(&self) -> &Api {
        &self.0
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<MadeSpec>>, CloudError> {
        let Some(network) = self.0.made_network(cx).await? else { return Ok(Vec::new()) };
        let rules = self.0.made_rules(cx, &network).await?;
        let found = |rule: &ForwardingRule| {
            let object = service_of(&rule.description).unwrap_or_else(some_service);
            let mut found =
                found_made(Self::KIND, &rule.name, &rule.self_link, Some(&network.link), object);
            // What is behind it is known only as long as it is there.
            let behind = rule.target.as_ref().or(rule.backend_service.as_ref());
            found.outputs.set("ip", Some(json!(rule.ip_address)));
            found.outputs.set("behind", behind.map(|link| json!(project_path(link))));
            found
        };
        Ok(rules.iter().map(found).collect())
    }

    /// Deletes what was behind it. Health checks are shared: they go with the last that uses them.
    async fn after(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        let Some(behind) = observed.outputs.text("behind") else { return Ok(()) };
        let ours = ["/targetPools/", "/backendServices/"].iter().any(|part| behind.contains(part));
        if !ours {
            return Ok(());
        }
        let operation = format!("delete {}", observed.address);
        let url = self.0.client.compute_at(&behind);
        let parts: Option<Behind> = self.0.client.get_optional(cx, &operation, &url).await?;
        self.0.delete_unused(cx, observed, &behind).await?;
        for check in parts.unwrap_or_default().health_checks {
            self.0.delete_unused(cx, observed, &check).await?;
        }
        Ok(())
    }
}

/// Lists the machines that the load balancers of this cluster send traffic to.
pub(crate) async fn memberships(api: &Api, cx: &Context) -> Result<Vec<Membership>, CloudError> {
    let operation = "look which machines load balancers use";
    let Some(network) = api.made_network(cx).await? else { return Ok(Vec::new()) };
    let rules = api.made_rules(cx, &network).await?;
    if rules.is_empty() {
        return Ok(Vec::new());
    }
    let list = |place: &str| api.client.compute(&["aggregated", place]);
    let (pools, services) = (list("targetPools"), list("backendServices"));
    let (pools, services) = futures::try_join!(
        api.client.aggregated::<TargetPool>(cx, operation, &pools, &[], "targetPools"),
        api.client.aggregated::<BackendService>(cx, operation, &services, &[], "backendServices"),
    )?;
    let mut groups = BTreeMap::new();
    let mut memberships = Vec::new();
    for rule in &rules {
        let target = rule.target.as_deref().unwrap_or_default();
        let service = rule.backend_service.as_deref().unwrap_or_default();
        let mut machines: Vec<String> = pools
            .iter()
            .filter(|pool| links_to(&pool.self_link, target))
            .flat_map(|pool| &pool.instances)
            .map(|link| last_segment(link).to_owned())
            .collect();
        let backends = services
            .iter()
            .filter(|one| links_to(&one.self_link, service))
            .flat_map(|one| &one.backends);
        for backend in backends {
            let group = scope_path(&backend.group).to_owned();
            if !groups.contains_key(&group) {
                let members = group_members(api, cx, operation, &group).await?;
                groups.insert(group.clone(), members);
            }
            machines.extend(groups.get(&group).into_iter().flatten().cloned());
        }
        machines.sort();
        machines.dedup();
        memberships.push(Membership { balancer: rule.name.clone(), machines });
    }
    Ok(memberships)
}

/// A machine of a group.
#[derive(Deserialize)]
struct Member {
    #[serde(default)]
    instance: String,
}

/// Lists the machines of a group, if it is one whose machines Google manages.
async fn group_members(
    api: &Api,
    cx: &Context,
    operation: &str,
    group: &str,
) -> Result<Vec<String>, CloudError> {
    let parts: Vec<&str> = group.split('/').collect();
    let ["zones", zone, "instanceGroups", name] = parts.as_slice() else { return Ok(Vec::new()) };
    let path = ["zones", zone, "instanceGroupManagers", name, "listManagedInstances"];
    let url = api.client.compute(&path);
    match api.client.list_posted::<Member>(cx, operation, &url, &[]).await {
        Ok(members) => {
            Ok(members.iter().map(|one| last_segment(&one.instance).to_owned()).collect())
        }
        Err(error) if error.kind == ErrorKind::NotFound => Ok(Vec::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Firewall;

    #[test]
    fn a_rule_is_this_cluster_s_only_for_certain() {
        let firewall = |name: &str| Firewall { name: name.to_owned(), ..Firewall::default() };
        let network = OwnNetwork {
            link: "projects/p/global/networks/shop-1-main".to_owned(),
            firewalls: vec![firewall("k8s-fw-a1"), firewall("k8s2-u-shop-web-h")],
        };
        let rule = |name: &str| ForwardingRule {
            name: name.to_owned(),
            description: r#"{"kubernetes.io/service-name":"shop/web"}"#.to_owned(),
            ..ForwardingRule::default()
        };
        let inside = |network: &str| ForwardingRule {
            network: Some(format!(
                "https://www.googleapis.com/compute/v1/projects/p/global/networks/{network}"
            )),
            ..rule("a9")
        };
        let behind = |service: &str| ForwardingRule {
            backend_service: Some(format!(
                "https://x/projects/p/regions/r/backendServices/{service}"
            )),
            ..rule("k8s2-tcp-u-shop-web-h")
        };
        assert!(is_own(&network, &rule("a1")));
        assert!(is_own(&network, &inside("shop-1-main")));
        assert!(is_own(&network, &behind("k8s2-u-shop-web-h")));
        // Of another cluster, by the same controller.
        assert!(!is_own(&network, &rule("a2")));
        assert!(!is_own(&network, &inside("shop-2-main")));
        assert!(!is_own(&network, &behind("k8s2-v-shop-web-h")));
        // In the own network, and made by hand.
        let by_hand = ForwardingRule {
            description: String::new(),
            name: "janes".into(),
            ..inside("shop-1-main")
        };
        assert!(!is_own(&network, &by_hand));
    }
}
