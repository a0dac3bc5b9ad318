//! Zone and record set of Cloud DNS.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ownership::Labels;

/// A zone.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ManagedZone {
    pub(crate) name: String,
    /// With the dot of the root: `example.com.`.
    pub(crate) dns_name: String,
    pub(crate) labels: Labels,
    pub(crate) name_servers: Vec<String>,
    /// `public` or `private`.
    pub(crate) visibility: String,
}

/// All records of one name and type.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct RecordSet {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default, rename = "type")]
    pub(crate) kind: String,
    #[serde(default)]
    pub(crate) ttl: u32,
    #[serde(default)]
    pub(crate) rrdatas: Vec<String>,
    /// Answers by weight or place. A deletion must name the set as it is.
    #[serde(default, rename = "routingPolicy", skip_serializing_if = "Option::is_none")]
    pub(crate) routing_policy: Option<Value>,
}
