//! State stores: from `[state]` to an object store, with keys from where each cloud keeps them.

use futures::future::BoxFuture;
use infra_object_store::ObjectStore;
use infra_provider_api::CloudError;
use secrecy::SecretString;
use url::Url;

use crate::CloudEnv;

/// What infra.toml says about the bucket of the state.
#[derive(Clone, Copy, Debug)]
pub struct StatePlace<'a> {
    /// The store's URL, where infra.toml names one.
    pub endpoint: Option<&'a str>,
    /// The store's region, where infra.toml names one.
    pub region: Option<&'a str>,
    /// The account that owns the bucket, where infra.toml names one.
    pub account: Option<&'a str>,
    /// The region that the cluster is in.
    pub cluster_region: &'a str,
}

/// Opens the store of a place, with keys from the environment. It makes no call to the bucket.
pub type OpenStore = for<'a> fn(
    &'a StatePlace<'a>,
    &'a CloudEnv,
) -> BoxFuture<'a, Result<ObjectStore, StateStoreError>>;

/// The stores that one cloud opens.
#[derive(Clone, Copy, Debug)]
pub struct StateStores {
    /// The domain of its own endpoints, where they have one that others cannot have.
    pub domain: Option<&'static str>,
    /// Whether stores of other makers are opened in its way, too.
    pub of_others: bool,
    /// Whether the embedded cloud's store is opened in its way.
    pub embedded: bool,
    /// The hint about keys that may not list the account's buckets; `Some` where only that list
    /// proves whose bucket it is.
    pub listing_hint: Option<&'static str>,
    /// Opens one.
    pub open: OpenStore,
}

/// An error of opening a store.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StateStoreError {
    /// A variable is not set.
    #[error("{variable} is not set")]
    NotSet {
        /// The variable.
        variable: &'static str,
        /// All that must be set.
        keys: [&'static str; 2],
    },
    /// The endpoint is no URL.
    #[error("{url}: {reason}")]
    Endpoint {
        /// What is written instead.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The cloud refuses, or has no credentials.
    #[error(transparent)]
    Cloud(#[from] CloudError),
}

/// Reads an endpoint.
///
/// # Errors
/// Returns [`StateStoreError::Endpoint`] if the text is no URL.
pub fn endpoint_of(url: String) -> Result<Url, StateStoreError> {
    url.parse().map_err(|error: url::ParseError| StateStoreError::Endpoint {
        reason: error.to_string(),
        url,
    })
}

impl CloudEnv {
    /// Reads a pair of keys from the variables `names`.
    ///
    /// # Errors
    /// Returns [`StateStoreError::NotSet`] for the first variable that is not set, or is empty.
    pub fn keys(
        &self,
        names: [&'static str; 2],
    ) -> Result<(String, SecretString), StateStoreError> {
        let need = |variable| {
            let value = self.filled(variable);
            value.ok_or(StateStoreError::NotSet { variable, keys: names })
        };
        Ok((need(names[0])?, SecretString::from(need(names[1])?)))
    }
}

/// Opens a store by the variables that every tool for S3 reads, whoever has made the store.
///
/// # Errors
/// Returns an error if a key is missing, or if the endpoint is no URL.
pub fn s3_store(place: &StatePlace<'_>, env: &CloudEnv) -> Result<ObjectStore, StateStoreError> {
    let first = |names: [&str; 2]| names.into_iter().find_map(|name| env.filled(name));
    let endpoint = place.endpoint.map(str::to_owned);
    let endpoint = endpoint.or_else(|| first(["AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"]));
    let region = place.region.map(str::to_owned);
    let region = region.or_else(|| first(["AWS_REGION", "AWS_DEFAULT_REGION"]));
    let (access_key, secret) = env.keys(["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"])?;
    let endpoint = endpoint.map(endpoint_of).transpose()?;
    Ok(ObjectStore {
        path_style: endpoint.is_some(),
        endpoint,
        region: region.unwrap_or_else(|| "us-east-1".to_owned()),
        access_key,
        secret,
        session_token: env.filled("AWS_SESSION_TOKEN").map(SecretString::from),
        chain: None,
        ca_pem: env.ca_pem.clone().map(String::into_bytes),
        owner: place.account.map(str::to_owned),
    })
}
