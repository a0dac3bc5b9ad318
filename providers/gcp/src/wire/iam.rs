//! Account of IAM, and the policy of a project.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A service account.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct ServiceAccount {
    pub(crate) email: String,
    pub(crate) display_name: String,
    pub(crate) description: String,
    pub(crate) disabled: bool,
}

/// The policy of a project. A change replaces all of it, so what is not known here is kept as it is.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Policy {
    #[serde(default)]
    pub(crate) bindings: Vec<Binding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u32>,
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}

/// Who has a role.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
pub(crate) struct Binding {
    #[serde(default)]
    pub(crate) role: String,
    #[serde(default)]
    pub(crate) members: Vec<String>,
    /// When it holds; a binding with a condition is another one than that without.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) condition: Option<Value>,
    #[serde(flatten)]
    pub(crate) rest: Map<String, Value>,
}
