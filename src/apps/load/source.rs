//! What a suite is made from.

use std::{collections::BTreeMap, path::PathBuf};

use secrecy::SecretString;

/// What a suite is made from. `Default` gives an empty one to fill with `..`.
#[derive(Clone, Debug, Default)]
pub struct SuiteSource {
    /// Names the inventory: a DNS label, one per environment where environments share a cluster.
    pub name: String,
    /// Folder (or file) with the manifests.
    pub base: PathBuf,
    /// Folder merged over it.
    pub overlay: Option<PathBuf>,
    /// For namespaced objects that name none; `default` without it.
    pub namespace: Option<String>,
    /// Values for `${VAR}`.
    pub variables: BTreeMap<String, String>,
    /// Values for `${VAR}` that may only stand in Secrets and are never shown.
    pub secret_variables: BTreeMap<String, SecretString>,
    /// Secrets from `.env` files.
    pub env_secrets: Vec<EnvSecret>,
    /// Pull secrets from docker's `config.json`.
    pub docker_secrets: Vec<DockerSecret>,
    /// Which images are allowed.
    pub images: ImagePolicy,
    /// Whether namespaces that no manifest declares are made all the same.
    pub create_namespaces: bool,
}

/// A Secret made from allow-listed keys of a `.env` file.
#[derive(Clone, Debug, Default)]
pub struct EnvSecret {
    /// The `.env` file.
    pub file: PathBuf,
    /// The keys to take; each must be there.
    pub keys: Vec<String>,
    /// The Secret's name.
    pub secret: String,
    /// Where to make it; one Secret each. Empty: in every namespace that the suite declares.
    pub namespaces: Vec<String>,
}

/// A `kubernetes.io/dockerconfigjson` Secret made from docker's `config.json`.
#[derive(Clone, Debug, Default)]
pub struct DockerSecret {
    /// docker's `config.json`.
    pub file: PathBuf,
    /// The registries to take; all that are there when empty.
    pub registries: Vec<String>,
    /// The Secret's name.
    pub secret: String,
    /// Where to make it; one Secret each. Empty: in every namespace that the suite declares.
    pub namespaces: Vec<String>,
}

/// Which images are allowed. `Default` refuses `latest` and untagged ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ImagePolicy {
    /// Let `latest` and untagged images pass.
    pub allow_latest: bool,
    /// Demand a digest (`@sha256:…`).
    pub require_digest: bool,
}
