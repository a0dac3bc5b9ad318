//! From `[state]` to a bucket: endpoint, region and credentials from where each ecosystem keeps them.

use std::sync::Arc;

use async_trait::async_trait;
use infra_object_store::{Bucket, BucketState, ObjectStore, StoreError as BucketError};
use secrecy::SecretString;

use super::bucket::BucketObjects;
use crate::{
    clouds::Surroundings,
    spec::{BucketPlan, Project},
    state::{StateError, StateErrorKind, remote::StateBucket, store::remote::Objects},
};

/// A bucket for the state of one cluster.
#[derive(Clone, Debug)]
pub struct Target {
    objects: BucketObjects,
    url: String,
    /// Whether the list of the account's own buckets must prove that the bucket is one of them.
    is_listed: bool,
}

impl Target {
    /// Makes the target for the bucket of `plan`. It makes no call to the bucket.
    ///
    /// # Errors
    /// Returns an error if credentials are missing, or if the endpoint cannot be used.
    pub async fn connect(
        plan: &BucketPlan,
        project: &Project,
        surroundings: &Surroundings,
    ) -> Result<Self, StateError> {
        let is_listed = is_spaces(plan, project, surroundings);
        let bucket = store(plan, project, surroundings)
            .await?
            .bucket(&plan.bucket)
            .map_err(|error| unusable(&error))?;
        let cluster = &project.cluster.name;
        let prefix = match plan.prefix.as_str() {
            "" => format!("{cluster}/"),
            prefix => format!("{prefix}/{cluster}/"),
        };
        let url = format!("s3://{}/{}", plan.bucket, prefix.trim_end_matches('/'));
        Ok(Self { objects: BucketObjects { bucket, prefix }, url, is_listed })
    }

    fn bucket(&self) -> &Bucket {
        &self.objects.bucket
    }

    /// Returns true if the account's own list of buckets has it. A stranger's bucket of that name may
    /// answer all else, and would receive the keys.
    async fn is_own(&self) -> Result<bool, StateError> {
        self.bucket().is_own().await.map_err(|error| {
            let failure = unusable(&error);
            match error {
                BucketError::AccessDenied { .. } => failure.hint(
                    "only the list of the account's buckets proves whose bucket it is: use a Spaces key that may list them",
                ),
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
        if self.is_listed && self.is_own().await? {
            return Ok(());
        }
        match self.bucket().state().await.map_err(|error| unusable(&error))? {
            BucketState::Present if self.is_listed => Err(StateError::new(
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

/// Returns the error of a question about the account.
#[cfg(feature = "aws")]
fn of_cloud(error: &infra_provider_api::CloudError) -> StateError {
    use infra_provider_api::ErrorKind;
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

/// Returns true where the bucket is one of Spaces.
fn is_spaces(plan: &BucketPlan, project: &Project, surroundings: &Surroundings) -> bool {
    // The embedded cloud has one S3 only.
    surroundings.only
        || match &plan.endpoint {
            Some(endpoint) => endpoint.contains("digitaloceanspaces.com"),
            None => project.cluster.provider == "do",
        }
}

/// Returns the account that must own the bucket: the one that `[state]` names, else that of the
/// credentials. Only Amazon's own store knows accounts by their number.
async fn owner(
    plan: &BucketPlan,
    endpoint: Option<&url::Url>,
) -> Result<Option<String>, StateError> {
    if plan.account.is_some() || endpoint.is_some() {
        return Ok(plan.account.clone());
    }
    #[cfg(feature = "aws")]
    let account = {
        let asked = crate::clouds::aws::account(plan.region.clone()).await;
        Some(asked.map_err(|mut error| {
            error.operation = format!("{} for the bucket of [state]", error.operation);
            of_cloud(&error)
        })?)
    };
    #[cfg(not(feature = "aws"))]
    let account = None;
    Ok(account)
}

/// Spaces where the provider is DigitalOcean and the endpoint is its own, Amazon's variables
/// everywhere else: that is what MinIO and the like read, too. Without those, the SDK's default chain
/// (profiles, SSO, a machine's own role), as for the provider AWS.
async fn store(
    plan: &BucketPlan,
    project: &Project,
    surroundings: &Surroundings,
) -> Result<ObjectStore, StateError> {
    let is_spaces = is_spaces(plan, project, surroundings);
    let get = |name: &str| surroundings.get(name).filter(|value| !value.is_empty());
    let first = |names: &[&str]| names.iter().find_map(|name| get(name));
    let need = |name: &str| {
        get(name).ok_or_else(|| {
            StateError::new(
                StateErrorKind::Credentials,
                format!("{name} is not set; the state is in s3://{}", plan.bucket),
            )
            .hint(if is_spaces {
                "set SPACES_ACCESS_KEY_ID and SPACES_SECRET_ACCESS_KEY"
            } else {
                "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"
            })
        })
    };
    let parse = |url: String| {
        url.parse().map_err(|error| {
            StateError::new(
                StateErrorKind::Invalid,
                format!("the endpoint of [state]: {url}: {error}"),
            )
        })
    };
    let own = plan.endpoint.clone().filter(|_| !surroundings.only);
    let (endpoint, region, key, secret, token) = if is_spaces {
        let region = plan.region.clone().unwrap_or_else(|| project.cluster.region.clone());
        let endpoint = own
            .or_else(|| get("SPACES_ENDPOINT_URL"))
            .unwrap_or_else(|| format!("https://{region}.digitaloceanspaces.com"));
        let (key, secret) = (need("SPACES_ACCESS_KEY_ID")?, need("SPACES_SECRET_ACCESS_KEY")?);
        (Some(endpoint), region, key, secret, None)
    } else {
        #[cfg(feature = "aws")]
        if get("AWS_ACCESS_KEY_ID").is_none() && get("AWS_SECRET_ACCESS_KEY").is_none() {
            let own = own.map(parse).transpose()?;
            let chained = crate::clouds::aws::chained_store(plan.region.clone(), own).await;
            let mut store = chained.map_err(|mut error| {
                error.operation = format!("{} for the bucket of [state]", error.operation);
                of_cloud(&error)
            })?;
            store.owner = owner(plan, store.endpoint.as_ref()).await?;
            return Ok(store);
        }
        let endpoint = own.or_else(|| first(&["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]));
        let region = plan.region.clone();
        let region = region.or_else(|| first(&["AWS_REGION", "AWS_DEFAULT_REGION"]));
        let region = region.unwrap_or_else(|| "us-east-1".to_owned());
        let (key, secret) = (need("AWS_ACCESS_KEY_ID")?, need("AWS_SECRET_ACCESS_KEY")?);
        (endpoint, region, key, secret, get("AWS_SESSION_TOKEN"))
    };
    let path_style = endpoint.is_some();
    let endpoint = endpoint.map(parse).transpose()?;
    let owner = match is_spaces {
        true => None,
        false => owner(plan, endpoint.as_ref()).await?,
    };
    Ok(ObjectStore {
        endpoint,
        region,
        access_key: key,
        secret: SecretString::from(secret),
        session_token: token.map(SecretString::from),
        chain: None,
        ca_pem: surroundings.ca_pem.clone().map(String::into_bytes),
        path_style,
        owner,
    })
}
