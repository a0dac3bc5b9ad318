//! What is kept, and where: `[certificates]`, `[artifacts]` and `[state]` as they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How long certificates last: "30d", "52w", "10y".
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCertificates {
    /// Certificate authorities. Default "10y".
    pub ca_validity: Option<String>,
    /// All others. Default "1y".
    pub validity: Option<String>,
    /// How long before its end a certificate is renewed. Default "60d".
    pub renew_before: Option<String>,
}

/// What the nodes download at boot.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawArtifacts {
    /// The bucket; by default one is made with the cluster.
    pub bucket: Option<String>,
    /// The local cache. Default ".infra/artifacts" beside infra.toml.
    pub cache: Option<String>,
}

/// Where the state, the certificates and their keys are kept.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawState {
    /// "local" (`.infra/<cluster>` and `ssl/<cluster>` beside infra.toml; the default), or
    /// "s3://bucket/prefix".
    pub backend: Option<String>,
    /// The store's URL, where it is not the provider's own or Amazon's.
    pub endpoint: Option<String>,
    /// The store's region.
    pub region: Option<String>,
    /// The account that owns the bucket, where it is not that of the credentials. Amazon's S3 only.
    pub account: Option<String>,
    /// Who may read the private keys: public keys of age ("age1…"). Without any they are encrypted
    /// with a passphrase.
    pub recipients: Vec<String>,
    /// File with the private key of one of the recipients, for this machine.
    pub identity: Option<String>,
    /// How long after its last sign of life a run that holds the lock counts as dead. Default "60s".
    pub lease: Option<String>,
}
