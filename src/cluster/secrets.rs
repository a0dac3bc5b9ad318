//! Writing every Secret of a cluster again, so that it is encrypted with the key that writes now.

use infra_provider_api::CloudError;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, ResourceExt,
    api::{ListParams, PostParams},
};

use super::kube_access::{KubeAccess, of_kube};

/// How many Secrets are listed at once: a megabyte each at most.
const PAGE: u32 = 50;

/// Writes every Secret as it is, and returns how many there were. What changes meanwhile was written by
/// somebody else, with the same key; what is gone needs none.
///
/// # Errors
/// Returns an error if the API server can't be reached or refuses.
pub async fn rewrite_secrets(kube: &KubeAccess) -> Result<usize, CloudError> {
    let operation = "write the Secrets again";
    let client = kube.client().await?;
    let all = Api::<Secret>::all(client.raw().clone());
    let mut page = ListParams::default().limit(PAGE);
    let mut count = 0;
    loop {
        let list = all.list(&page).await.map_err(|error| of_kube(operation, &error))?;
        for secret in &list.items {
            let (name, namespace) = (secret.name_any(), secret.namespace().unwrap_or_default());
            let one = Api::<Secret>::namespaced(client.raw().clone(), &namespace);
            match one.replace(&name, &PostParams::default(), secret).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
                Err(error) => {
                    let operation = format!("{operation}: {namespace}/{name}");
                    return Err(of_kube(&operation, &error));
                }
            }
            count += 1;
        }
        match list.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => page.continue_token = Some(token),
            None => return Ok(count),
        }
    }
}
