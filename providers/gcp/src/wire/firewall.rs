//! Firewall rule of Compute.

use serde::{Deserialize, Serialize};

/// A firewall rule.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Firewall {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) self_link: String,
    pub(crate) network: String,
    /// `INGRESS` or `EGRESS`.
    pub(crate) direction: String,
    pub(crate) disabled: bool,
    pub(crate) source_ranges: Vec<String>,
    pub(crate) target_tags: Vec<String>,
    pub(crate) allowed: Vec<Allowed>,
}

/// What a rule lets in.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize, Serialize)]
#[serde(default)]
pub(crate) struct Allowed {
    #[serde(rename = "IPProtocol")]
    pub(crate) protocol: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) ports: Vec<String>,
}
