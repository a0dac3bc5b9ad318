//! `kubernetes_firewall`: a rule that a controller made in the cluster's own network for a Service. It is
//! what tells whose the parts of a load balancer are, so it goes after them.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{CloudError, Context, Found, Observed};
use serde_json::Value;

use super::{
    api::{Api, operation},
    kubernetes_made::{Made, MadeSpec, found_made, service_of, some_service},
};
use crate::wire::Firewall;

pub(crate) struct KubernetesFirewalls(pub(crate) Arc<Api>);

/// Returns the places of what a rule is the mark of, in the order in which they go.
fn marked_by(rule: &str, region: &str) -> Vec<String> {
    let regional = |what: &str, name: &str| format!("regions/{region}/{what}/{name}");
    if let Some(balancer) = rule.strip_prefix("k8s-fw-") {
        return vec![
            regional("forwardingRules", balancer),
            regional("targetPools", balancer),
            regional("backendServices", balancer),
            regional("addresses", balancer),
        ];
    }
    // `k8s-<id>-node-http-hc` of all nodes, `k8s-<balancer>-http-hc` of the nodes with a Service's pods.
    if let Some(checked) = rule.strip_prefix("k8s-").and_then(|rest| rest.strip_suffix("-http-hc"))
    {
        let name =
            if checked.ends_with("-node") { format!("k8s-{checked}") } else { checked.to_owned() };
        return vec![format!("global/httpHealthChecks/{name}"), regional("healthChecks", &name)];
    }
    if let Some(check) = rule.strip_suffix("-fw").filter(|_| rule.starts_with("k8s2-")) {
        return vec![regional("healthChecks", check), format!("global/healthChecks/{check}")];
    }
    if rule.starts_with("k8s2-") {
        // Rule and backend service have one name.
        return vec![regional("backendServices", rule), regional("healthChecks", rule)];
    }
    Vec::new()
}

#[async_trait]
impl Made for KubernetesFirewalls {
    const KIND: &'static str = "kubernetes_firewall";

    fn api(&self) -> &Api {
        &self.0
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<MadeSpec>>, CloudError> {
        let network = self.0.made_network(cx).await?;
        let found = |rule: &Firewall| {
            let object = service_of(&rule.description).unwrap_or_else(some_service);
            found_made(Self::KIND, &rule.name, &rule.self_link, Some(&rule.network), object)
        };
        Ok(network.iter().flat_map(|network| &network.firewalls).map(found).collect())
    }

    /// Deletes the parts that only this rule tells to be the cluster's. One that is still in use refuses, and
    /// the rule is kept until it goes. A part is looked for first: a refused read is repeated alone, and a refused
    /// delete begins all of this again, so that a project at its limit would never come to the end.
    async fn before(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        let operation = operation("delete", &observed.address);
        for place in marked_by(observed.address.name(), &self.0.scope.region) {
            let url = self.0.client.compute_at(&place);
            let found: Option<Value> = self.0.client.get_optional(cx, &operation, &url).await?;
            if found.is_some() {
                self.0.delete_at(cx, observed, &place).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_the_mark_of_what_has_its_name() {
        assert_eq!(
            marked_by("k8s-fw-a1", "r")[..2],
            ["regions/r/forwardingRules/a1", "regions/r/targetPools/a1"]
        );
        assert_eq!(
            marked_by("k8s-0a1b-node-http-hc", "r")[0],
            "global/httpHealthChecks/k8s-0a1b-node"
        );
        assert_eq!(marked_by("k8s-a1-http-hc", "r")[0], "global/httpHealthChecks/a1");
        assert_eq!(
            marked_by("k8s2-u-l4-shared-hc-fw", "r")[0],
            "regions/r/healthChecks/k8s2-u-l4-shared-hc"
        );
        assert_eq!(
            marked_by("k8s2-u-shop-web-h", "r")[0],
            "regions/r/backendServices/k8s2-u-shop-web-h"
        );
        assert!(marked_by("k8s-other", "r").is_empty());
    }
}
