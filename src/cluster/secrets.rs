//! Writing every Secret of a cluster again, so that it is encrypted with the key that writes now.

use std::collections::HashSet;

use infra_provider_api::{CloudError, Context, RetryPolicy, retry};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, ResourceExt,
    api::{ListParams, ObjectList, PostParams},
};

use super::kube_access::{KubeAccess, of_kube};
use crate::apps::KubeClient;

/// How many Secrets are listed at once: a megabyte each at most.
const PAGE: u32 = 50;

/// The HTTP status of a list's continuation that the API server no longer has: after five minutes, it
/// forgets the state that the list began with.
const EXPIRED: u16 = 410;

/// Writes every Secret as it is, and returns how many there were. What changes meanwhile was written by
/// somebody else, with the same key; what is gone needs none. A list that takes too long begins again,
/// without what is written already.
///
/// # Errors
/// Returns an error if the API server can't be reached for a while or refuses, or if the run is stopped.
pub async fn rewrite_secrets(cx: &Context, kube: &KubeAccess) -> Result<usize, CloudError> {
    let client = kube.client().await?;
    let mut written = HashSet::new();
    let mut page = ListParams::default().limit(PAGE);
    loop {
        let before = written.len();
        let Some(list) = list(cx, &client, &page).await? else {
            page.continue_token = None;
            continue;
        };
        for secret in &list.items {
            if !secret.uid().is_some_and(|uid| written.contains(&uid)) {
                write(cx, &client, secret).await?;
                written.extend(secret.uid());
            }
        }
        page.continue_token = list.metadata.continue_.filter(|token| !token.is_empty());
        if page.continue_token.is_none() {
            return Ok(written.len());
        }
        if written.len() > before {
            cx.progress.waiting(None, &format!("{} Secrets are written again", written.len()));
        }
    }
}

/// Lists a page of Secrets. Returns `None` if the list must begin again.
async fn list(
    cx: &Context,
    client: &KubeClient,
    page: &ListParams,
) -> Result<Option<ObjectList<Secret>>, CloudError> {
    let all = Api::<Secret>::all(client.raw().clone());
    let list = || async {
        match all.list(page).await {
            Err(kube::Error::Api(status))
                if status.code == EXPIRED && page.continue_token.is_some() =>
            {
                Ok(None)
            }
            answer => {
                answer.map(Some).map_err(|error| of_kube("list the Secrets to write again", &error))
            }
        }
    };
    retry(cx, RetryPolicy::READ, list).await
}

/// Writes one Secret. It carries its version, so that doing it again changes nothing.
async fn write(cx: &Context, client: &KubeClient, secret: &Secret) -> Result<(), CloudError> {
    let (name, namespace) = (secret.name_any(), secret.namespace().unwrap_or_default());
    let one = Api::<Secret>::namespaced(client.raw().clone(), &namespace);
    let write = || async {
        match one.replace(&name, &PostParams::default(), secret).await {
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => Ok(()),
            answer => answer.map(drop).map_err(|error| {
                of_kube(&format!("write the Secret {namespace}/{name} again"), &error)
            }),
        }
    };
    retry(cx, RetryPolicy::READ, write).await
}
