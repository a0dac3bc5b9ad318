//! What machines join with: bootstrap tokens in the cluster, and the cluster's keys in the bucket.
//!
//! Each is for one boot of one machine. It goes when that machine has joined, has failed or is gone.

use std::{sync::Arc, time::Duration};

use infra_object_store::Bucket;
use infra_provider_api::{CloudError, ErrorKind};
use infra_provisioning::node::{KeyBundle, key_bundles, read_boot_status};
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};

use super::{
    errors::of_store,
    kube_access::{KubeAccess, of_kube},
};

/// A machine that has not fetched the cluster's keys by then will not: its URLs have ended.
const KEYS_MAX: Duration = Duration::from_secs(3600);
/// How long the API server may take to answer a sweep, which nobody waits for.
const SWEEP_MAX: Duration = Duration::from_secs(15);
const TOKENS: &str = "type=bootstrap.kubernetes.io/token";
/// How the description of a machine's token begins; the node's name follows.
pub(super) const JOIN_OF: &str = "join of ";

/// Finds and removes what machines no longer need.
#[derive(Clone, Debug)]
pub struct JoinSecrets {
    bucket: Bucket,
    kube: Arc<KubeAccess>,
}

impl JoinSecrets {
    /// Makes the join secrets of the cluster with this bucket, behind `kube`.
    pub fn new(bucket: Bucket, kube: Arc<KubeAccess>) -> Self {
        Self { bucket, kube }
    }

    /// Deletes the tokens of machines for which `waits` is false.
    ///
    /// # Errors
    /// Returns an error if the API server does not answer, or refuses.
    pub async fn delete_tokens(
        &self,
        waits: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<(), CloudError> {
        let operation = "delete join tokens that nobody needs";
        let client = self.kube.client().await?;
        let secrets = Api::<Secret>::namespaced(client.raw().clone(), "kube-system");
        let listed = secrets
            .list(&ListParams::default().fields(TOKENS))
            .await
            .map_err(|error| of_kube(operation, &error))?;
        for secret in listed {
            // Tokens that people made are theirs.
            let Some(node) = node_of(&secret) else { continue };
            let Some(name) = secret.metadata.name.as_deref().filter(|_| !waits(&node)) else {
                continue;
            };
            match secrets.delete(name, &DeleteParams::default()).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(of_kube(operation, &error)),
            }
        }
        Ok(())
    }

    /// Deletes the tokens as [`Self::delete_tokens`] does, but waits 15 seconds at most.
    ///
    /// # Errors
    /// Returns an error if the API server does not answer in time, or refuses.
    pub async fn sweep_tokens(
        &self,
        waits: &(dyn Fn(&str) -> bool + Sync),
    ) -> Result<(), CloudError> {
        match tokio::time::timeout(SWEEP_MAX, self.delete_tokens(waits)).await {
            Ok(swept) => swept,
            Err(_) => Err(CloudError::new(
                ErrorKind::Unavailable,
                "delete join tokens that nobody needs",
                format!("no answer within {} s", SWEEP_MAX.as_secs()),
            )),
        }
    }

    /// Burns the copies of the cluster's keys that no booting machine waits for. `waits` is false
    /// for their node, or its boot has ended or took too long. `report_of` returns the object to which
    /// the machine of a node reports.
    ///
    /// # Errors
    /// Returns an error if the bucket cannot be read or written.
    pub async fn burn_keys(
        &self,
        waits: &(dyn Fn(&str) -> bool + Sync),
        report_of: &(dyn Fn(&str) -> Option<String> + Sync),
    ) -> Result<(), CloudError> {
        let failed = |error| of_store("burn the key bundles that nobody needs", &error);
        for bundle in key_bundles(&self.bucket).await.map_err(failed)? {
            let report = report_of(&bundle.node);
            if !waits(&bundle.node) || self.is_over(&bundle, report).await.map_err(failed)? {
                bundle.burn(&self.bucket).await.map_err(failed)?;
            }
        }
        Ok(())
    }

    /// Returns true when the machine that the bundle was published for will not fetch it any more.
    async fn is_over(
        &self,
        bundle: &KeyBundle,
        report: Option<String>,
    ) -> Result<bool, infra_object_store::StoreError> {
        // A report that can't be read says nothing: then the time decides.
        if let Some(object) = report {
            let report = read_boot_status(&self.bucket, &bundle.node, &object).await.ok().flatten();
            if report.is_some_and(|report| report.is_failed() || report.is_done()) {
                return Ok(true);
            }
        }
        Ok(bundle.age(&self.bucket).await?.is_some_and(|age| age > KEYS_MAX))
    }
}

/// Returns the node that a token was made for.
fn node_of(secret: &Secret) -> Option<String> {
    let description = secret.data.as_ref()?.get("description")?;
    let text = std::str::from_utf8(&description.0).ok()?;
    text.strip_prefix(JOIN_OF).map(str::to_owned)
}
