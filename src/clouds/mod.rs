//! The clouds of this build. A new one is a file here and a line in [`connect`].

#[cfg(feature = "aws")]
pub(crate) mod aws;
#[cfg(feature = "do")]
mod digitalocean;

use std::{collections::BTreeMap, sync::Arc};

use infra_object_store::ObjectStore;
use infra_provider_api::{
    Address, CloudError, Cluster, ErrorKind, Input, Owner, Provider, Reference,
};
use infra_provisioning::boot::Platform;
use secrecy::SecretString;

/// Where endpoints and credentials come from: the environment, or the embedded cloud.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// Overrides of environment variables; with `only`, nothing else is looked at.
    pub variables: BTreeMap<String, String>,
    /// Never look at the real environment: a run with `--sim` can't touch a real cloud.
    pub only: bool,
    /// A certificate authority to trust instead of the system's (PEM).
    pub ca_pem: Option<String>,
    /// How much faster than real time the cloud's clock runs, where it is not real.
    pub clock_speed: Option<f64>,
    /// The variable with the token of the cluster's own controllers, where infra.toml names one.
    pub cluster_token: Option<String>,
    /// The variable with the token for challenges by DNS, where infra.toml names one.
    pub dns_token: Option<String>,
}

impl Surroundings {
    /// Returns the value of an environment variable.
    pub fn get(&self, name: &str) -> Option<String> {
        match self.variables.get(name) {
            Some(value) => Some(value.clone()),
            None if self.only => None,
            None => std::env::var(name).ok(),
        }
    }
}

/// The controllers that Kubernetes needs on this cloud.
#[derive(Clone, Debug)]
pub struct CloudAddon {
    /// The addon's name.
    pub addon: &'static str,
    /// Its variables.
    pub variables: BTreeMap<String, Input<String>>,
    /// Secret ones.
    pub secrets: BTreeMap<String, SecretString>,
}

/// The credentials that the addon's controllers get.
#[derive(Clone, Debug)]
pub enum AddonCredentials {
    /// Credentials of their own, or none.
    Own,
    /// The operator's own; the text says what to do about it.
    Operators(String),
    /// None: infra.toml names a place where there are none.
    Missing(CloudError),
}

/// How cert-manager answers challenges by DNS, with credentials that are never the operator's.
#[derive(Clone, Debug)]
pub struct DnsSolver {
    /// The challenge, as the file of its issuer is named: `dns-01-route53`.
    pub challenge: &'static str,
    /// The domain whose records its credentials may change; `None` if they may change any.
    pub zone: Option<String>,
    /// Its variables.
    pub variables: BTreeMap<String, Input<String>>,
    /// Its credentials; empty ones if there are none.
    pub secrets: BTreeMap<String, SecretString>,
    /// Why there are none.
    pub missing: Option<CloudError>,
}

/// Makes the addon for a cluster and its owner.
pub type MakeAddon = dyn Fn(&Cluster, &Owner) -> CloudAddon + Send + Sync;

/// A cloud, connected.
pub struct Cloud {
    /// The provider.
    pub provider: Arc<dyn Provider>,
    /// Where the cluster's bucket is.
    pub object_store: ObjectStore,
    /// Whether the store refuses, when asked to, buckets of any other account than a given one.
    pub store_checks_owner: bool,
    /// The kind that its machines are.
    pub machine_kind: &'static str,
    /// Where clients reach the API servers: the output of the load balancer that is its address or
    /// DNS name.
    pub api_host: Reference,
    /// The resource that lets clients in to the API servers.
    pub api_door: Address,
    /// The resource that is the bucket.
    pub bucket: Address,
    /// The name servers of its zones; empty where each zone gets some of its own.
    pub name_servers: &'static [&'static str],
    /// What its machines find around them when they boot.
    pub platform: Platform,
    /// The controllers that Kubernetes needs here, for the cluster `owner`.
    pub addon: Box<MakeAddon>,
    /// What these controllers call the cloud with.
    pub addon_credentials: AddonCredentials,
    /// How cert-manager answers challenges by DNS.
    pub dns_solver: DnsSolver,
}

/// Connects to the cloud that `cluster` names. Makes no call. A region that infra.toml leaves open is
/// filled in from where the cloud's own tools take it.
///
/// # Errors
/// Returns an error if credentials are missing or contradictory, or if the cloud is not part of
/// this build.
pub async fn connect(
    cluster: &mut Cluster,
    surroundings: &Surroundings,
) -> Result<Cloud, CloudError> {
    match cluster.provider.as_str() {
        #[cfg(feature = "aws")]
        "aws" => aws::connect(cluster, surroundings).await,
        #[cfg(feature = "do")]
        "do" => digitalocean::connect(cluster, surroundings),
        other => Err(CloudError::new(
            ErrorKind::Invalid,
            "choose the provider",
            format!("the provider `{other}` is not part of this build"),
        )
        .with_hint(format!("this build has: {}", NAMES.join(", ")))),
    }
}

/// The clouds of this build.
pub const NAMES: &[&str] = &[
    #[cfg(feature = "aws")]
    "aws",
    #[cfg(feature = "do")]
    "do",
];

/// Clouds whose region may be left out of infra.toml, because their own tools know one.
pub const KNOW_REGION: &[&str] = &["aws"];
