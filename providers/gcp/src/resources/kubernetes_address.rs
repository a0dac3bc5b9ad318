//! `kubernetes_address`: an address that a controller reserved for a Service. One that a person reserved and
//! gave to a Service is theirs, and stays.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{CloudError, Context, Found};

use super::{
    api::Api,
    kubernetes_made::{Made, MadeSpec, found_made, service_of},
};
use crate::wire::Address;

pub(crate) struct KubernetesAddresses(pub(crate) Arc<Api>);

#[async_trait]
impl Made for KubernetesAddresses {
    const KIND: &'static str = "kubernetes_address";

    fn api(&self) -> &Api {
        &self.0
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<MadeSpec>>, CloudError> {
        let Some(network) = self.0.made_network(cx).await? else { return Ok(Vec::new()) };
        let rules = self.0.made_rules(cx, &network).await?;
        let url = self.0.client.compute(&["aggregated", "addresses"]);
        let all: Vec<Address> =
            self.0.client.aggregated_shared(cx, "list addresses", &url, &[], "addresses").await?;
        // A controller names an address as the load balancer it is for.
        let is_ours = |one: &&Address| {
            service_of(&one.description).is_some()
                && (network.names_balancer(&one.name)
                    || rules.iter().any(|rule| rule.name == one.name))
        };
        let found = |one: &Address| {
            let object = service_of(&one.description).unwrap_or_default();
            found_made(Self::KIND, &one.name, &one.self_link, Some(&network.link), object)
        };
        Ok(all.iter().filter(is_ours).map(found).collect())
    }
}
