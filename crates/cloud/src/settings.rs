//! Settings of a cloud: what `[providers.<cloud>]` may say. Each cloud has a type of its own, which gives the
//! JSON Schema of its table, and which the rest of the program reads as [`ProviderSettings`].

use infra_provider_api::ManagedConfig;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;

/// The settings of any cloud. What a cloud does not have stays empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProviderSettings {
    /// The region.
    pub region: Option<String>,
    /// The machines' image.
    pub image: Option<String>,
    /// The only account that the cluster may be in.
    pub account: Option<String>,
    /// Zones to spread over.
    pub zones: Vec<String>,
    /// Machines get no public address.
    pub private: bool,
    /// The machines' root disk, as it is written: `40GiB`.
    pub disk: Option<String>,
    /// The variable with the token of the cluster's own controllers.
    pub cluster_token: Option<String>,
    /// What the cloud is asked for that runs the control plane.
    pub managed: ManagedConfig,
}

/// An environment variable that holds a secret.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawSecretVariable {
    /// Its name.
    pub env: String,
}

/// How the settings of a cloud are described and read.
#[derive(Clone, Copy, Debug)]
pub struct SettingsType {
    /// Returns the schema of its table.
    pub schema: fn(&mut SchemaGenerator) -> Schema,
    /// Reads its table.
    pub read: fn(Value) -> Result<ProviderSettings, serde_json::Error>,
}

impl SettingsType {
    /// Describes the settings type `T` of a cloud.
    pub const fn of<T>() -> Self
    where
        T: DeserializeOwned + JsonSchema + Into<ProviderSettings>,
    {
        Self {
            schema: |generator| generator.subschema_for::<T>(),
            read: |table| serde_json::from_value::<T>(table).map(Into::into),
        }
    }
}
