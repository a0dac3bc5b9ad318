//! What the cloud holds.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Address, RawJson};

/// What others can refer to, by name: `id`, `ip`, …
pub type Outputs = BTreeMap<String, Value>;

/// Whether a resource can be used by those that depend on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum Readiness {
    /// It can be used.
    Ready,
    /// Created, not ready: resumed and waited for, never destroyed and rebuilt.
    Pending {
        /// What a person reads while waiting: `status new`.
        reason: String,
    },
    /// It will not become ready by waiting.
    Failed {
        /// What the cloud or the node says.
        reason: String,
        /// What helps, where it is known better than that recreating it may.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        help: Option<String>,
    },
}

impl Readiness {
    /// Makes the readiness of something that failed, where only recreating it is known to help.
    pub fn failed(reason: impl Into<String>) -> Self {
        Self::Failed { reason: reason.into(), help: None }
    }
}

/// Who made a resource.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "maker", rename_all = "lowercase")]
pub enum ManagedBy {
    /// This tool.
    #[default]
    Infra,
    /// A controller in the cluster, for an object of the cluster. Never part of a normal plan;
    /// `destroy` removes it and says so.
    Kubernetes {
        /// The object, as far as the cloud tells: `Service ingress-nginx/controller`.
        object: String,
    },
    /// A group of machines that the cloud keeps at its size. It makes and deletes its machines by itself:
    /// no plan deletes one of them, unless another one takes its place. They go with their group.
    Group {
        /// The group.
        group: Address,
    },
}

/// A resource that exists and that this cluster owns.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observed {
    /// Its address. Read from the ownership mark (tag or exact name), so that it is known without
    /// any record.
    pub address: Address,
    /// The cloud's id. Unique within the kind.
    pub id: String,
    /// Its spec in the same normal form as a declared one; all fields known.
    pub spec: RawJson,
    /// Its outputs.
    pub outputs: RawJson,
    /// Whether it can be used.
    pub readiness: Readiness,
    /// The idempotency key of the create call that made it, where the cloud keeps it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub intent_key: Option<String>,
    /// Who made it.
    #[serde(default)]
    pub made_by: ManagedBy,
}
