//! What was broken before a rotation, so that what breaks because of it can be told.

use std::collections::BTreeMap;

use infra_provider_api::{CloudError, Context, RetryPolicy, retry};
use k8s_openapi::api::apps::v1::{Deployment, StatefulSet};
use kube::{Api, Client, api::ListParams};

use super::drain::failed;

/// Workloads that have fewer pods than they shall have, each with how many: `shop/web: 1 of 2 pods are available`.
pub type Broken = BTreeMap<String, String>;

/// Lists the Deployments and StatefulSets that have fewer available pods than they shall have.
///
/// # Errors
/// Returns an error if the API server refuses or cannot be reached.
pub async fn broken_workloads(client: &Client, cx: &Context) -> Result<Broken, CloudError> {
    let look = || async {
        look(client).await.map_err(|error| failed("look how the workloads are", &error))
    };
    retry(cx, RetryPolicy::READ, look).await
}

async fn look(client: &Client) -> Result<Broken, kube::Error> {
    let all = ListParams::default();
    let (deployments, sets) =
        (Api::<Deployment>::all(client.clone()), Api::<StatefulSet>::all(client.clone()));
    let (deployments, sets) = futures::try_join!(deployments.list(&all), sets.list(&all))?;
    let mut broken = Broken::new();
    let mut add = |kind: &str, meta: &kube::core::ObjectMeta, wanted: i32, available: i32| {
        if available < wanted {
            let (namespace, name) = (meta.namespace.as_deref(), meta.name.as_deref());
            let name =
                format!("{kind} {}/{}", namespace.unwrap_or_default(), name.unwrap_or_default());
            broken.insert(name, format!("{available} of {wanted} pods are available"));
        }
    };
    for one in &deployments.items {
        let wanted = one.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let available = one.status.as_ref().and_then(|status| status.available_replicas);
        add("Deployment", &one.metadata, wanted, available.unwrap_or(0));
    }
    for one in &sets.items {
        let wanted = one.spec.as_ref().and_then(|spec| spec.replicas).unwrap_or(1);
        let available = one.status.as_ref().and_then(|status| status.available_replicas);
        add("StatefulSet", &one.metadata, wanted, available.unwrap_or(0));
    }
    Ok(broken)
}
