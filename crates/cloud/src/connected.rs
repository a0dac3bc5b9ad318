//! Connected cloud: a provider with the store, the platform and the controllers that belong to it.

use std::{collections::BTreeMap, sync::Arc};

use infra_object_store::ObjectStore;
use infra_provider_api::{
    Address, BootPlatform, CloudError, Cluster, Input, Owner, Provider, Reference,
};
use secrecy::SecretString;

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
pub struct ConnectedCloud {
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
    pub platform: BootPlatform,
    /// The controllers that Kubernetes needs here, for the cluster `owner`.
    pub addon: Box<MakeAddon>,
    /// What these controllers call the cloud with.
    pub addon_credentials: AddonCredentials,
    /// How cert-manager answers challenges by DNS.
    pub dns_solver: DnsSolver,
}
