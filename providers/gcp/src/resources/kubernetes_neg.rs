//! `kubernetes_neg`: a group of endpoints that a controller made in the cluster's own network. Some are left
//! when their Service goes, and then keep the network from being deleted.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{CloudError, Context, Found};
use serde_json::Value;

use super::{
    api::Api,
    kubernetes_made::{Made, MadeSpec, found_made, is_controller_name},
};
use crate::{client::links_to, wire::EndpointGroup};

pub(crate) struct KubernetesNegs(pub(crate) Arc<Api>);

/// Returns the Service that the description of a group names.
fn object_of(description: &str) -> Option<String> {
    let json: Value = serde_json::from_str(description).ok()?;
    let text = |name: &str| json.get(name)?.as_str();
    Some(format!("Service {}/{}", text("namespace")?, text("service-name")?))
}

/// Reports whether a controller made the group.
fn is_made(group: &EndpointGroup) -> bool {
    is_controller_name(&group.name) || object_of(&group.description).is_some()
}

#[async_trait]
impl Made for KubernetesNegs {
    const KIND: &'static str = "kubernetes_neg";

    fn api(&self) -> &Api {
        &self.0
    }

    async fn list(&self, cx: &Context) -> Result<Vec<Found<MadeSpec>>, CloudError> {
        let Some(network) = self.0.own_network(cx).await? else { return Ok(Vec::new()) };
        let url = self.0.client.compute(&["aggregated", "networkEndpointGroups"]);
        let all: Vec<EndpointGroup> = self
            .0
            .client
            .aggregated_shared(cx, "list endpoint groups", &url, &[], "networkEndpointGroups")
            .await?;
        let ours = all.iter().filter(|one| links_to(&one.network, &network) && is_made(one));
        let found = |group: &EndpointGroup| {
            let object = object_of(&group.description).unwrap_or_else(|| "a Service".to_owned());
            // Each zone has one of the same name.
            let mut found =
                found_made(Self::KIND, &group.name, &group.self_link, Some(&network), object);
            let zone = found.id.split('/').nth(1).unwrap_or_default();
            let address = format!("{}.{zone}", group.name);
            found.address = infra_provider_api::Address::new(Self::KIND, address);
            found
        };
        Ok(ours.map(found).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_names_its_service() {
        let text = r#"{"cluster-uid":"u","namespace":"shop","service-name":"web","port":"80"}"#;
        assert_eq!(object_of(text).as_deref(), Some("Service shop/web"));
        assert_eq!(object_of(r#"{"namespace":"shop"}"#), None);
    }
}
