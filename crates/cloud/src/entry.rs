//! Entry of a cloud: what the program knows of it before there is an account.

use std::sync::Arc;

use futures::future::BoxFuture;
use infra_provider_api::{CloudError, CloudManifests, Cluster, KubeToken};

use crate::{CloudEnv, ConnectedCloud, SettingsType, StateStores};

/// Connects to a cloud for a cluster. It makes no call, and fills in a region that infra.toml leaves
/// open from where the cloud's own tools take it.
pub type Connect =
    for<'a> fn(&'a mut Cluster, &'a CloudEnv) -> BoxFuture<'a, Result<ConnectedCloud, CloudError>>;

/// Finds where tokens for API servers come from. It makes no call.
pub type KubeTokens =
    for<'a> fn(&'a CloudEnv) -> BoxFuture<'a, Result<Arc<dyn KubeToken>, CloudError>>;

/// What cert-manager changes records with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DnsCredentials {
    /// A token, in this variable unless `token` of `[tls.acme]` names another.
    Token(&'static str),
    /// A pair of keys, always in these variables.
    Keys([&'static str; 2]),
}

/// Where the image of a pool's machines comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Image {
    /// infra.toml names it; this is an example.
    Named(&'static str),
    /// infra.toml may leave it to the cloud, which then takes this one.
    Optional(&'static str),
}

/// A cloud, as the registry lists it.
#[derive(Debug)]
pub struct CloudEntry {
    /// The name that infra.toml and `--provider` take.
    pub name: &'static str,
    /// The name in texts.
    pub title: &'static str,
    /// What its table in infra.toml may say.
    pub settings: SettingsType,
    /// Whether the region may be left out of infra.toml, because the cloud's own tools know one.
    pub knows_region: bool,
    /// Where the image of its machines comes from.
    pub image: Image,
    /// The variable with the token of the cluster's own controllers, unless infra.toml names
    /// another; `None` where they take none.
    pub cluster_token: Option<&'static str>,
    /// What cert-manager changes records with.
    pub dns_credentials: DnsCredentials,
    /// Makes tokens for the API servers of its clusters, if the cloud runs them; `None` where machines of a
    /// cluster's own do.
    pub kube_tokens: Option<KubeTokens>,
    /// Connects to the cloud.
    pub connect: Connect,
    /// The stores that can keep the state, where the cloud has one.
    pub state_stores: Option<StateStores>,
    /// What it installs in a cluster.
    pub manifests: &'static CloudManifests,
}

impl CloudEntry {
    /// Reports whether the cloud runs the control planes of its clusters.
    pub fn is_managed(&self) -> bool {
        self.kube_tokens.is_some()
    }
}
