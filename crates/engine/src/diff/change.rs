//! One difference.

use infra_provider_api::{OnChange, Reference};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a field shall be.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "is", content = "value")]
pub enum After {
    /// This value. Markers of references and secrets may be nested inside; [`super::show`] renders
    /// them.
    Known(Value),
    /// An output that exists only once another resource does: `(known after apply)`.
    Unknown(Reference),
    /// A secret, of which only a digest is known: `(sensitive)`.
    Secret,
    /// Not there any more.
    Absent,
}

/// One difference, as deep in the spec as it goes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FieldChange {
    /// Where: `size`, `inbound[2].ports`, `tags[+]` (an element more), `tags[-]` (one less).
    pub path: String,
    /// What it is; `None` where there was nothing. Secrets are markers, rendered `(sensitive)`.
    pub before: Option<Value>,
    /// What it shall be.
    pub after: After,
    /// What the change of this field means. That of the top-level field it lies in.
    #[serde(with = "effect")]
    pub effect: OnChange,
}

impl FieldChange {
    /// Returns the top-level field that the difference lies in.
    pub fn field(&self) -> &str {
        let end = self.path.find(['.', '[']).unwrap_or(self.path.len());
        &self.path[..end]
    }

    /// Returns true if this difference alone forces the resource to be recreated.
    pub fn forces_replace(&self) -> bool {
        self.effect == OnChange::Replace
    }

    /// Returns true if either side is secret.
    pub fn is_sensitive(&self) -> bool {
        self.after == After::Secret || self.before.as_ref().is_some_and(super::is_secret)
    }
}

mod effect {
    use infra_provider_api::OnChange;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(effect: &OnChange, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(match effect {
            OnChange::Update => "update",
            OnChange::Replace => "replace",
            OnChange::Rotate => "rotate",
            OnChange::CreateOnly => "create_only",
        })
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<OnChange, D::Error> {
        Ok(match String::deserialize(from)?.as_str() {
            "update" => OnChange::Update,
            "replace" => OnChange::Replace,
            "rotate" => OnChange::Rotate,
            "create_only" => OnChange::CreateOnly,
            other => return Err(D::Error::custom(format!("unknown effect `{other}`"))),
        })
    }
}
