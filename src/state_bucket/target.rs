//! From `[state]` to a bucket: endpoint, region and credentials from where each ecosystem keeps them.

use std::sync::Arc;

use async_trait::async_trait;
use infra_cloud::{CloudEnv, StatePlace, StateStoreError, s3_store};
use infra_object_store::{Bucket, BucketState, StoreError as BucketError};
use infra_provider_api::{CloudError, ErrorKind};

use super::bucket::BucketObjects;
use crate::{
    clouds,
    config::{BucketConfig, Project},
    state::{StateError, StateErrorKind, remote::StateBucket, store::remote::Objects},
};

/// A bucket for the state of one cluster.
#[derive(Clone, Debug)]
pub struct Target {
    objects: BucketObjects,
    url: String,
    /// The hint about keys that may not list buckets; `Some` where the list of the account's own buckets
    /// must prove that the bucket is one of them.
    listing_hint: Option<&'static str>,
}

impl Target {
    /// Makes the target for the bucket of `plan`. It makes no call to the bucket.
    ///
    /// # Errors
    /// Returns an error if credentials are missing, or if the endpoint cannot be used.
    pub async fn connect(
        plan: &BucketConfig,
        project: &Project,
        cloud_env: &CloudEnv,
    ) -> Result<Self, StateError> {
        let stores =
            clouds::state_stores(plan.endpoint.as_deref(), &project.cluster.provider, cloud_env);
        let place = StatePlace {
            endpoint: plan.endpoint.as_deref(),
            region: plan.region.as_deref(),
            account: plan.account.as_deref(),
            cluster_region: &project.cluster.region,
        };
        let opened = match stores {
            Some(stores) => (stores.open)(&place, cloud_env).await,
            None => s3_store(&place, cloud_env),
        };
        let bucket = opened
            .map_err(|error| not_opened(error, &plan.bucket))?
            .bucket(&plan.bucket)
            .map_err(|error| unusable(&error))?;
        let cluster = &project.cluster.name;
        let prefix = match plan.prefix.as_str() {
            "" => format!("{cluster}/"),
            prefix => format!("{prefix}/{cluster}/"),
        };
        let url = format!("s3://{}/{}", plan.bucket, prefix.trim_end_matches('/'));
        let listing_hint = stores.and_then(|stores| stores.listing_hint);
        Ok(Self { objects: BucketObjects { bucket, prefix }, url, listing_hint })
    }

    fn bucket(&self) -> &Bucket {
        &self.objects.bucket
    }

    /// Returns true if the account's own list of buckets has it. A stranger's bucket of that name may
    /// answer all else, and would receive the keys.
    async fn is_own(&self, hint: &'static str) -> Result<bool, StateError> {
        self.bucket().is_own().await.map_err(|error| {
            let failure = unusable(&error);
            match error {
                BucketError::AccessDenied { .. } => failure.hint(hint),
                _ => failure,
            }
        })
    }

    /// Makes the bucket unless it is there.
    ///
    /// # Errors
    /// Returns an error if it cannot be made.
    pub async fn make(&self) -> Result<(), StateError> {
        if self.bucket().state().await.map_err(|error| unusable(&error))? == BucketState::Absent {
            self.bucket().create().await.map_err(|error| unusable(&error))?;
        }
        Ok(())
    }
}

#[async_trait]
impl StateBucket for Target {
    fn url(&self) -> &str {
        &self.url
    }

    fn objects(&self) -> Arc<dyn Objects> {
        Arc::new(self.objects.clone())
    }

    async fn check(&self) -> Result<(), StateError> {
        let name = self.bucket().name();
        if let Some(hint) = self.listing_hint
            && self.is_own(hint).await?
        {
            return Ok(());
        }
        match self.bucket().state().await.map_err(|error| unusable(&error))? {
            BucketState::Present if self.listing_hint.is_some() => Err(StateError::new(
                StateErrorKind::Credentials,
                format!(
                    "the bucket `{name}` of [state] is not in the account of these credentials"
                ),
            )
            .hint("names of buckets are shared by everybody: choose another one")),
            BucketState::Present => Ok(()),
            BucketState::Absent => Err(StateError::new(
                StateErrorKind::Damaged,
                format!("the bucket `{name}` of [state] does not exist"),
            )
            .hint("`infra state migrate` makes it (and moves what this machine has there)")),
            BucketState::Foreign => Err(StateError::new(
                StateErrorKind::Credentials,
                format!("the bucket `{name}` of [state] may not be used with these credentials"),
            )),
        }
    }
}

/// Returns the error of a store for the bucket `bucket` that could not be opened.
fn not_opened(error: StateStoreError, bucket: &str) -> StateError {
    match error {
        StateStoreError::NotSet { variable, keys } => StateError::new(
            StateErrorKind::Credentials,
            format!("{variable} is not set; the state is in s3://{bucket}"),
        )
        .hint(format!("set {}", keys.join(" and "))),
        StateStoreError::Cloud(mut error) => {
            error.operation = format!("{} for the bucket of [state]", error.operation);
            of_cloud(&error)
        }
        other => {
            StateError::new(StateErrorKind::Invalid, format!("the endpoint of [state]: {other}"))
        }
    }
}

/// Returns the error of a question about the account.
fn of_cloud(error: &CloudError) -> StateError {
    let kind = match error.kind {
        ErrorKind::Unauthorized | ErrorKind::Forbidden => StateErrorKind::Credentials,
        ErrorKind::Cancelled => StateErrorKind::Interrupted,
        ErrorKind::Invalid => StateErrorKind::Invalid,
        _ => StateErrorKind::Local,
    };
    let mut found = StateError::new(kind, error.to_string());
    if error.kind == ErrorKind::Unavailable && error.hint.is_none() {
        found = found.hint(
            "check the network and the endpoint; nothing was changed, run the same command again",
        );
    }
    found.hints.extend(error.hint.clone());
    found
}

fn unusable(error: &BucketError) -> StateError {
    let code = match error {
        BucketError::AccessDenied { .. } | BucketError::Config(_) => StateErrorKind::Credentials,
        _ => StateErrorKind::Damaged,
    };
    StateError::new(code, format!("the bucket of [state]: {error}"))
}
