//! `[tls]` as it is written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use infra_cloud::RawSecretVariable;

/// Certificates of the sites behind the ingress: of every Secret that an Ingress of the suite names
/// for TLS.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawTls {
    /// Who issues those that are not brought as files. "own": an authority of the cluster's own, which
    /// visitors must trust (staging, the embedded cloud). "acme": Let's Encrypt or another
    /// ACME server, by cert-manager, which is installed for it. Without it only files are used.
    pub issuer: Option<RawIssuer>,
    /// How an ACME server is asked.
    pub acme: Option<RawAcme>,
    /// Secrets that something else makes: "namespace/name".
    pub exclude: Vec<String>,
    /// Certificates that are brought as files.
    pub file: Vec<RawTlsFile>,
}

/// Who issues certificates.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum RawIssuer {
    /// An authority of the cluster's own.
    Own,
    /// An ACME server, by cert-manager.
    Acme,
}

/// How an ACME server is asked. All environments of a cluster share it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawAcme {
    /// Where the server writes to when something is wrong with a certificate.
    pub email: String,
    /// The server's directory. Default: that of Let's Encrypt,
    /// `https://acme-v02.api.letsencrypt.org/directory`.
    #[serde(default)]
    pub server: Option<String>,
    /// How the server is shown that a host is yours. Default "http-01".
    #[serde(default)]
    pub challenge: Option<RawChallenge>,
    /// The variable with the token for the cloud's DNS, for "dns-01" on DigitalOcean:
    /// `{ env = "DIGITALOCEAN_DNS_TOKEN" }`, which is the default. On AWS the keys are those of
    /// AWS_DNS_ACCESS_KEY_ID and AWS_DNS_SECRET_ACCESS_KEY.
    #[serde(default)]
    pub token: Option<RawSecretVariable>,
}

/// How an ACME server is shown that a host is yours.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
pub enum RawChallenge {
    /// By an answer at the host's port 80: it must lead to the ingress load balancer.
    #[serde(rename = "http-01")]
    Http01,
    /// By a record in the host's zone, which is at the cluster's cloud. Certifies wildcards, too.
    #[serde(rename = "dns-01")]
    Dns01,
}

/// A certificate that is brought as files.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawTlsFile {
    /// The host whose Ingresses get it. Either this or `secret`.
    #[serde(default)]
    pub host: Option<String>,
    /// The Secret that is made of it. Either this, with `namespace`, or `host`.
    #[serde(default)]
    pub secret: Option<String>,
    /// The Secret's namespace.
    #[serde(default)]
    pub namespace: Option<String>,
    /// The certificate, with its chain after it: a PEM file, relative to infra.toml.
    pub cert: String,
    /// Its private key: a PEM file, not encrypted.
    pub key: String,
}
