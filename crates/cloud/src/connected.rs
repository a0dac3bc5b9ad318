//! Connected cloud: a provider with what is around it.

use std::{collections::BTreeMap, sync::Arc};

use infra_provider_api::{CloudError, Input, Provider};
use secrecy::SecretString;

use crate::Plane;

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

/// A cloud, connected.
pub struct ConnectedCloud {
    /// The provider.
    pub provider: Arc<dyn Provider>,
    /// Who runs the control plane.
    pub plane: Plane,
    /// The name servers of its zones; empty where each zone gets some of its own.
    pub name_servers: &'static [&'static str],
    /// What the controllers that Kubernetes needs here call the cloud with.
    pub addon_credentials: AddonCredentials,
    /// How cert-manager answers challenges by DNS.
    pub dns_solver: DnsSolver,
}
