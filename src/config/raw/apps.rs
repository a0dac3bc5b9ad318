//! `[apps]` as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The app suite.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawApps {
    /// Folder of manifests that every environment gets, relative to infra.toml.
    pub base: Option<String>,
    /// Folder of the environment's own manifests, merged over the base; usually set in
    /// `[environments.NAME.apps]`.
    pub overlay: Option<String>,
    /// Values for `${NAME}` in manifests. `DOMAIN` and `ENVIRONMENT` are always there.
    pub variables: BTreeMap<String, RawVariable>,
    /// Environment variables that `${NAME}` takes its values from; each must be exported. Their
    /// values are secret: they may stand in Secrets only, and are never shown.
    pub exported: Vec<String>,
    /// Make namespaces that no manifest declares.
    pub create_namespaces: bool,
    /// Files and folders of manifests, from base (or overlay) on, whose `${…}` is their own text:
    /// manifests of other projects, as they come. `"."` is all.
    pub verbatim: Vec<String>,
    /// The version that is rolled out, unless `--version` says otherwise: the value of `${VERSION}`.
    /// "git": the tag of the commit that is checked out.
    pub version: Option<String>,
    /// The environment that must have run a version before this one may get it.
    pub promote_from: Option<String>,
    /// Which images may be run.
    pub images: RawImages,
    /// What Ingresses are made of, for Services with the annotation `infra.dev/subdomain`.
    pub ingress: RawIngress,
    /// Secrets made of files.
    pub file_secret: Vec<RawFileSecret>,
    /// What `infra open NAME` forwards to.
    pub open: BTreeMap<String, RawOpen>,
    /// Secrets made of a `.env` file.
    pub env_secret: Option<RawEnvSecret>,
    /// Image pull secret made of a docker `config.json`.
    pub docker_secret: Option<RawDockerSecret>,
    /// What the tool installs itself. Default: cni, cloud and ingress, all true.
    pub addons: RawAddons,
    /// Hosts that kustomize may fetch bases from. Default: none.
    pub remote_bases: Vec<String>,
    /// How long kustomize may take. Default "1m".
    pub kustomize_timeout: Option<String>,
    /// Show the last line that a crashing container printed (at most 160 characters). Default true.
    pub container_logs: Option<bool>,
    /// When objects of a kind are ready that the program knows nothing of.
    pub wait: Vec<RawWait>,
    /// Longest wait for one object, for instance "5m".
    pub timeout: Option<String>,
}

/// The value of a variable, or where it comes from.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RawVariable {
    /// The value.
    Value(String),
    /// Where it comes from.
    From(RawVariableSource),
}

/// Where the value of a variable comes from.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawVariableSource {
    /// The environment variable of the same name, where that is set and not empty.
    pub env: bool,
    /// The value where it is not.
    #[serde(default)]
    pub default: Option<String>,
}

/// What the tool installs itself.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAddons {
    /// The network plugin (flannel), and what enforces network policies.
    pub cni: Option<bool>,
    /// The cloud's controller manager and volume driver.
    pub cloud: Option<bool>,
    /// The ingress controller (Traefik).
    pub ingress: Option<bool>,
}

/// Which images may be run.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawImages {
    /// Images (names without a tag; `*` at the end stands for the rest) whose tag must be a semantic
    /// version, and the version that is rolled out.
    pub versioned: Vec<String>,
    /// Demand a digest (`image@sha256:…`).
    pub require_digest: bool,
}

/// What Ingresses are made of.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawIngress {
    /// Their class. Default "traefik".
    pub class: Option<String>,
    /// Namespaces whose Ingresses are served, beside those in which the suite has Ingresses. `"*"` is
    /// every namespace: the controller may then read every Secret of the cluster.
    pub namespaces: Vec<String>,
    /// Classes that another controller serves; the suite may use them.
    pub other_classes: Vec<String>,
    /// Keep the ingress controller that an earlier version of this program installed. Default false.
    pub keep_retired: Option<bool>,
    /// The ClusterIssuer of cert-manager that makes their certificates.
    pub issuer: Option<String>,
    /// Whether each host gets TLS, with the Secret `<service>-tls`. Default true.
    pub tls: Option<bool>,
}

/// A Secret made of files.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFileSecret {
    /// The Secret's name.
    pub name: String,
    /// Each key with its file, relative to infra.toml; `-` is standard input.
    pub files: BTreeMap<String, String>,
    /// Its type. Default "Opaque".
    #[serde(default, rename = "type")]
    pub secret_type: Option<String>,
    /// The namespaces that get it. Default: every namespace that the suite declares.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Put a hash of the content behind the name, so that a change of it rolls the pods.
    #[serde(default)]
    pub hashed: bool,
}

/// What `infra open NAME` forwards to.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawOpen {
    /// The Service: "namespace/name". `${ENVIRONMENT}` stands for the environment.
    pub service: String,
    /// Its port. Default: the first.
    #[serde(default)]
    pub port: Option<u16>,
    /// The path to show, for instance "/login".
    #[serde(default)]
    pub path: Option<String>,
}

/// When objects of a kind are ready. One of `condition`, `field` and `skip` is needed.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawWait {
    /// The kind: "Certificate", or "Certificate.cert-manager.io" where several groups have one.
    pub kind: String,
    /// The condition that is waited for: "Ready", or "Degraded=False".
    #[serde(default)]
    pub condition: Option<String>,
    /// A field that is waited for: "status.phase".
    #[serde(default)]
    pub field: Option<String>,
    /// The values of `field` that mean ready.
    #[serde(default)]
    pub values: Vec<String>,
    /// The condition that ends the wait as failed: "Failed".
    #[serde(default)]
    pub failed: Option<String>,
    /// Do not wait for objects of this kind.
    #[serde(default)]
    pub skip: bool,
}

/// Secrets made of a `.env` file.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawEnvSecret {
    /// The file, relative to infra.toml; `-` is standard input.
    pub file: String,
    /// The keys that may be taken from it; each must be there.
    pub keys: Vec<String>,
    /// The Secret's name.
    pub name: String,
    /// The namespaces that get it. Default: every namespace that the suite declares.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// Put a hash of the content behind the name, so that a change of it rolls the pods.
    #[serde(default)]
    pub hashed: bool,
}

/// Image pull secret made of a docker `config.json`.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDockerSecret {
    /// The file; by default docker's own, `~/.docker/config.json`.
    #[serde(default)]
    pub file: Option<String>,
    /// The Secret's name.
    pub name: String,
    /// The namespaces that get it. Default: every namespace that the suite declares.
    #[serde(default)]
    pub namespaces: Vec<String>,
    /// The registries whose credentials are taken. Default: all that the file knows.
    #[serde(default)]
    pub registries: Vec<String>,
}
