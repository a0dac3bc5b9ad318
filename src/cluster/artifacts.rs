//! `artifacts`: what nodes download at boot, content-addressed in the cluster's bucket.

use std::{path::PathBuf, sync::Mutex};

use async_trait::async_trait;
use infra_object_store::Bucket;
use infra_provider_api::{
    Address, CloudError, Context, CreateRequest, Found, Input, ManagedBy, Observed, OnChange,
    Place, RawJson, Readiness, Resource, UpdateRequest,
};
use infra_provisioning::artifacts::{self, Lock, Progress, key_of};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::errors::{of_artifacts, of_store};

/// The files of one Kubernetes version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArtifactsSpec {
    /// The bucket.
    pub bucket: Input<String>,
    /// Hash over all files' hashes; `incomplete` when some are absent.
    pub digest: String,
}

/// Hashes the names and hashes of all files.
pub fn lock_digest(lock: &Lock) -> String {
    let mut hash = Sha256::new();
    for locked in &lock.artifacts {
        hash.update(key_of(locked).as_bytes());
        hash.update([0]);
    }
    hex::encode(&hash.finalize()[..8])
}

/// The kind.
#[derive(Debug)]
pub struct Artifacts {
    bucket: Bucket,
    cache: PathBuf,
    lock: Lock,
    digest: String,
}

impl Artifacts {
    /// Makes the kind for the artifacts of `lock`, from `cache` to `bucket`; `digest` is the hash
    /// over them.
    pub fn new(bucket: Bucket, cache: PathBuf, lock: Lock, digest: String) -> Self {
        Self { bucket, cache, lock, digest }
    }

    fn found(&self, digest: String) -> Found<ArtifactsSpec> {
        Found {
            address: Address::new("artifacts", "kubernetes"),
            id: digest.clone(),
            spec: ArtifactsSpec { bucket: Input::Known(self.bucket.name().to_owned()), digest },
            outputs: RawJson::default(),
            readiness: Readiness::Ready,
            intent_key: None,
            made_by: ManagedBy::Infra,
        }
    }

    async fn sync(&self, cx: &Context) -> Result<Found<ArtifactsSpec>, CloudError> {
        let bytes = Bytes { cx, state: Mutex::new((0, 0)) };
        artifacts::sync(&self.bucket, &self.lock, &self.cache, &bytes)
            .await
            .map_err(|error| of_artifacts("sync the artifacts", &error))?;
        Ok(self.found(self.digest.clone()))
    }
}

/// Turns file progress into the run's.
struct Bytes<'a> {
    cx: &'a Context,
    state: Mutex<(u64, u64)>,
}

impl Bytes<'_> {
    fn add(&self, done: u64, total: u64) {
        let Ok(mut state) = self.state.lock() else { return };
        state.0 += done;
        state.1 += total;
        let address = Address::new("artifacts", "kubernetes");
        self.cx.progress.bytes(Some(&address), state.0, state.1);
    }
}

impl Progress for Bytes<'_> {
    fn begin(&self, _files: usize, bytes: u64) {
        self.add(0, bytes);
    }

    fn moved(&self, _file: &str, bytes: u64) {
        self.add(bytes, 0);
    }

    fn skipped(&self, _file: &str, bytes: u64) {
        self.add(bytes, 0);
    }
}

#[async_trait]
impl Resource for Artifacts {
    type Spec = ArtifactsSpec;

    fn name(&self) -> &'static str {
        "artifacts"
    }

    fn place(&self) -> Place {
        Place::Bucket
    }

    fn on_change(&self, field: &str) -> OnChange {
        if field == "bucket" { OnChange::Replace } else { OnChange::Update }
    }

    async fn list_owned(&self, _: &Context) -> Result<Vec<Found<ArtifactsSpec>>, CloudError> {
        let listed = match self.bucket.list("artifacts/").await {
            Ok(listed) => listed,
            Err(error) if error.is_not_found() => return Ok(Vec::new()),
            Err(error) => return Err(of_store("list the artifacts", &error)),
        };
        if listed.is_empty() {
            return Ok(Vec::new());
        }
        let there: std::collections::BTreeSet<_> =
            listed.into_iter().map(|object| object.key).collect();
        let complete = self.lock.artifacts.iter().all(|locked| there.contains(&key_of(locked)));
        let digest = if complete { self.digest.clone() } else { "incomplete".into() };
        Ok(vec![self.found(digest)])
    }

    async fn create(
        &self,
        cx: &Context,
        requests: &[(CreateRequest, ArtifactsSpec)],
    ) -> Vec<Result<Found<ArtifactsSpec>, CloudError>> {
        let mut results = Vec::new();
        for _ in requests {
            results.push(self.sync(cx).await);
        }
        results
    }

    async fn update(
        &self,
        cx: &Context,
        _: &UpdateRequest,
        _: ArtifactsSpec,
    ) -> Result<Found<ArtifactsSpec>, CloudError> {
        self.sync(cx).await
    }

    async fn delete(&self, _: &Context, _: &Observed) -> Result<bool, CloudError> {
        self.bucket
            .delete_prefix("artifacts/")
            .await
            .map_err(|error| of_store("delete the artifacts", &error))?;
        Ok(true)
    }
}
