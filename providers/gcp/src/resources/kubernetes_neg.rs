//! `kubernetes_neg`: a group of endpoints that a controller made in the cluster's own network. Some are left
//! when their Service goes, and then keep the network from being deleted.

use std::sync::Arc;

use async_trait::async_trait;
use infra_provider_api::{CloudError, Context, ErrorKind, Found};
use serde_json::Value;

use super::{
    api::Api,
    kubernetes_made::{Made, MadeSpec, found_made, is_controller_name},
};
use crate::{
    client::{links_to, project_path},
    container::Fresh,
    wire::EndpointGroup,
};

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

impl Api {
    /// Explains why the subnet of that path is not deleted. Groups that are left in it when the cluster is gone do
    /// not go by themselves: to wait for them is in vain.
    pub(super) async fn explain_groups(
        &self,
        cx: &Context,
        subnet: &str,
        error: CloudError,
    ) -> CloudError {
        if error.kind != ErrorKind::Busy {
            return error;
        }
        let (operation, field) = ("list endpoint groups", "networkEndpointGroups");
        let url = self.client.compute(&["aggregated", field]);
        let groups = self.client.aggregated::<EndpointGroup>(cx, operation, &url, &[], field);
        let looked = futures::try_join!(groups, self.own_clusters(cx, Fresh::Now));
        let Ok((groups, clusters)) = looked else { return error };
        let inside = groups.iter().find(|one| links_to(&one.subnetwork, subnet) && is_made(one));
        let Some(group) = inside.filter(|_| clusters.is_empty()) else { return error };
        let message =
            format!("the endpoint group {} is left in it, which Kubernetes made", group.name);
        CloudError { kind: ErrorKind::Blocked, message, ..error }
            .with_hint("run `infra destroy` again: it finds what is left, and deletes it first")
    }
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
            let subnetwork = Some(project_path(&group.subnetwork)).filter(|link| !link.is_empty());
            let mut found =
                found_made(Self::KIND, &group.name, &group.self_link, Some(&network), object);
            found.spec.subnetwork = subnetwork.map(str::to_owned);
            // Each zone has one of the same name.
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
