//! What a suite is made from.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    time::Duration,
};

use secrecy::SecretString;

use crate::{MaskKey, WaitRule};

/// What a suite is made from. `Default` gives an empty one to fill with `..`.
#[derive(Clone, Debug, Default)]
pub struct SuiteSource {
    /// Names the inventory: a DNS label, one per environment where environments share a cluster.
    pub name: String,
    /// Whose suite it is (the cluster's name in infra.toml): one of the same name that another
    /// project has put into the cluster is not touched.
    pub project: Option<String>,
    /// Folder (or file) with the manifests.
    pub base: PathBuf,
    /// Folder merged over it.
    pub overlay: Option<PathBuf>,
    /// For namespaced objects that name none; `default` without it.
    pub namespace: Option<String>,
    /// Values for `${VAR}`.
    pub variables: BTreeMap<String, String>,
    /// Where the value of a variable comes from, by its name.
    pub origins: BTreeMap<String, String>,
    /// Values for `${VAR}` that may only stand in Secrets and are never shown.
    pub secret_variables: BTreeMap<String, SecretString>,
    /// Environment variables that must be set; they are secret variables.
    pub exported: Vec<String>,
    /// Whether one that is not set gets a stand-in, for checks that need no secrets; and so does a
    /// version that git does not know.
    pub exported_optional: bool,
    /// The version that is rolled out.
    pub version: Option<String>,
    /// The folder of a repository whose tag of HEAD is the version, when none is given.
    pub version_from_git: Option<PathBuf>,
    /// The suite that must have run that version before, in the same cluster.
    pub promote_from: Option<String>,
    /// What Ingresses for subdomains are made of.
    pub ingress: IngressDefaults,
    /// Secrets from files.
    pub file_secrets: Vec<FileSecret>,
    /// Secrets from `.env` files.
    pub env_secrets: Vec<EnvSecret>,
    /// Pull secrets from docker's `config.json`.
    pub docker_secrets: Vec<DockerSecret>,
    /// Which images are allowed.
    pub images: ImagePolicy,
    /// Whether namespaces that no manifest declares are made all the same.
    pub create_namespaces: bool,
    /// Namespaces of others that are made if they are not there, and never belong to this suite.
    pub ensured_namespaces: BTreeSet<String>,
    /// Files and folders, from base (or overlay) on, whose `${…}` is their own text: manifests of
    /// other projects, as they come. `.` is all.
    pub verbatim: Vec<PathBuf>,
    /// Hosts that kustomize may fetch bases from.
    pub remote_bases: Vec<String>,
    /// How long kustomize may take.
    pub kustomize_limit: Option<Duration>,
    /// The key of what stands for secret values in renders; one of this process without it.
    pub mask_key: Option<MaskKey>,
    /// Whether what crashing containers print last is never shown.
    pub hide_container_logs: bool,
    /// When objects of kinds are ready whose readiness is not known.
    pub wait_rules: Vec<WaitRule>,
}

impl SuiteSource {
    /// Says in one line where each variable comes from; `None` without any.
    pub fn origins_line(&self) -> Option<String> {
        let of = |(name, origin): (&String, &String)| format!("{name} from {origin}");
        let mut parts: Vec<String> = self.origins.iter().map(of).collect();
        parts.extend(
            self.exported.iter().map(|name| format!("{name} from the environment (secret)")),
        );
        if self.version_from_git.is_some() && !self.origins.contains_key("VERSION") {
            parts.push("VERSION from the tag of HEAD".to_owned());
        }
        (!parts.is_empty()).then(|| format!("variables: {}", parts.join(", ")))
    }
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
    /// Whether its name carries a hash of its content.
    pub hashed: bool,
}

/// A Secret made from files.
#[derive(Clone, Debug, Default)]
pub struct FileSecret {
    /// The Secret's name.
    pub secret: String,
    /// Its type.
    pub secret_type: String,
    /// Key to file; `-` is standard input.
    pub files: BTreeMap<String, PathBuf>,
    /// Where to make it; one Secret each. Empty: in every namespace that the suite declares.
    pub namespaces: Vec<String>,
    /// Whether its name carries a hash of its content.
    pub hashed: bool,
}

/// What Ingresses for Services with a subdomain are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IngressDefaults {
    /// The class.
    pub class: String,
    /// cert-manager's ClusterIssuer, if one makes the certificates.
    pub issuer: Option<String>,
    /// Whether hosts get TLS, with the Secret `<service>-tls`.
    pub tls: bool,
}

impl Default for IngressDefaults {
    fn default() -> Self {
        Self { class: "traefik".to_owned(), issuer: None, tls: true }
    }
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImagePolicy {
    /// Let `latest` and untagged images pass.
    pub allow_latest: bool,
    /// Demand a digest (`@sha256:…`).
    pub require_digest: bool,
    /// Images (without a tag; `*` at the end stands for the rest) whose tag must be a semantic
    /// version, and that of the suite.
    pub versioned: Vec<String>,
}
