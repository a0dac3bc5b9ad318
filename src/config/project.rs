//! What infra.toml means, with every default filled in.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    path::PathBuf,
    time::Duration,
};

use infra_provider_api::{Cluster, Source};
use infra_provisioning::kubeadm::{Argument, Settings};

use crate::{apps::WaitRule, rotate::Rollout, state::home::Home};

/// One infra.toml with one environment laid over it.
#[derive(Clone, Debug)]
pub struct Project {
    /// The file, as the user gave it.
    pub file: PathBuf,
    /// The folder that relative paths start from.
    pub folder: PathBuf,
    /// The cluster.
    pub cluster: Cluster,
    /// Settings of Kubernetes' own components.
    pub kubernetes: KubernetesConfig,
    /// How the nodes of pools are replaced, by the pools' names.
    pub rollouts: BTreeMap<String, Rollout>,
    /// How long certificates last.
    pub certificates: CertificateConfig,
    /// Certificates of sites; `None`: whoever applies the Ingresses sees to them.
    pub tls: Option<TlsConfig>,
    /// The variable with the token of the cluster's own controllers, where the file names one.
    pub cluster_token: Option<String>,
    /// The local artifact cache.
    pub artifact_cache: PathBuf,
    /// Where the cluster's state is on this machine.
    pub home: Home,
    /// Where the state is kept; `None`: on this machine.
    pub state: Option<BucketConfig>,
    /// The app suite.
    pub apps: AppsConfig,
    /// What the file says that its cloud has no use for, a sentence each.
    pub ignored: Vec<String>,
    /// All environments that the file knows.
    pub environments: Vec<String>,
    /// Whether the file takes environments that it does not name.
    pub any_environment: bool,
}

/// Settings of Kubernetes' own components.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// Those of control planes.
    pub settings: Settings,
    /// Further flags of kubelets.
    pub kubelet: Vec<Argument>,
    /// Whether Secrets are encrypted in etcd.
    pub encrypts: bool,
    /// Where that was written.
    pub encryption_source: Option<Source>,
    /// Whether the cluster's authority signs what kubelets serve with, in a cluster that is made anew.
    pub kubelet_serving: bool,
    /// Where that was written.
    pub kubelet_serving_source: Option<Source>,
}

/// How long certificates last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CertificateConfig {
    /// Days a certificate authority lasts.
    pub ca_days: u32,
    /// Days all others last.
    pub leaf_days: u32,
    /// Days before its end at which a certificate is renewed.
    pub renew_before_days: u32,
}

/// Certificates of the sites behind the ingress.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsConfig {
    /// Who issues those that are not brought.
    pub issuer: Option<TlsIssuer>,
    /// How the ACME server is asked, with the issuer `acme`.
    pub acme: Option<AcmeConfig>,
    /// Secrets that something else makes: namespace and name.
    pub exclude: BTreeSet<(String, String)>,
    /// Those that are brought as files.
    pub files: Vec<TlsFile>,
}

/// Who issues certificates of sites.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TlsIssuer {
    /// The cluster's own authority for sites.
    Own,
    /// An ACME server, by cert-manager.
    Acme,
}

/// How an ACME server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcmeConfig {
    /// Whom it writes to.
    pub email: String,
    /// Its directory.
    pub server: String,
    /// How it is shown that a host is the cluster's.
    pub challenge: Challenge,
    /// The class of the Ingresses that answer challenges.
    pub ingress_class: String,
    /// The variable with the token for the cloud's DNS, where the file names one.
    pub token: Option<String>,
    /// Where it is asked for.
    pub source: Option<Source>,
}

/// How an ACME server is shown that a host is the cluster's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// An answer at port 80.
    Http01,
    /// A record in the zone.
    Dns01,
}

impl Challenge {
    /// Every way.
    pub const ALL: [Self; 2] = [Self::Http01, Self::Dns01];

    /// Returns its name, as ACME has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Http01 => "http-01",
            Self::Dns01 => "dns-01",
        }
    }
}

/// A certificate that is brought as files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFile {
    /// What it is for.
    pub target: TlsTarget,
    /// The certificate and its chain.
    pub cert: PathBuf,
    /// Where infra.toml names it.
    pub cert_source: Option<Source>,
    /// Its key.
    pub key: PathBuf,
    /// Where infra.toml names it.
    pub key_source: Option<Source>,
}

/// What a certificate that is brought is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TlsTarget {
    /// Every Secret that an Ingress names for this host.
    Host(String),
    /// One Secret.
    Secret {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
    },
}

impl fmt::Display for TlsTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => write!(f, "the host {host}"),
            Self::Secret { namespace, name } => write!(f, "the Secret {namespace}/{name}"),
        }
    }
}

/// A state in a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BucketConfig {
    /// The bucket's name.
    pub bucket: String,
    /// What its keys begin with; empty, or without a `/` at its ends.
    pub prefix: String,
    /// The store's URL, where it is not the provider's own or Amazon's.
    pub endpoint: Option<String>,
    /// The store's region.
    pub region: Option<String>,
    /// The account that owns the bucket, where it is not that of the credentials.
    pub account: Option<String>,
    /// Public keys of age that private keys are encrypted to; none: a passphrase.
    pub recipients: Vec<String>,
    /// File with the private key of one of them.
    pub identity: Option<PathBuf>,
    /// How long the lock lasts without being renewed.
    pub lease: Duration,
}

impl BucketConfig {
    /// Parses bucket and prefix of `s3://bucket/prefix`.
    ///
    /// # Errors
    /// Returns an error if it is something else.
    pub fn parse_url(url: &str) -> Result<(String, String), String> {
        let wrong = || format!("`{url}` is no place for a state; write s3://bucket/prefix");
        let rest = url.strip_prefix("s3://").ok_or_else(wrong)?;
        let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
        let bytes = || bucket.bytes();
        let known =
            bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b));
        if !(3..=63).contains(&bucket.len()) || !known {
            return Err(format!(
                "`{bucket}` is not a bucket's name: 3 to 63 of a-z, 0-9, `-`, `.`"
            ));
        }
        let prefix = prefix.trim_matches('/');
        if prefix.contains("//") || prefix.len() > 512 {
            return Err(wrong());
        }
        Ok((bucket.to_owned(), prefix.to_owned()))
    }
}

/// The app suite.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppsConfig {
    /// Folder of the manifests of every environment; `None`: no apps.
    pub base: Option<PathBuf>,
    /// Folder of the environment's own manifests.
    pub overlay: Option<PathBuf>,
    /// Values for `${NAME}`.
    pub variables: BTreeMap<String, String>,
    /// Where each of them comes from.
    pub origins: BTreeMap<String, String>,
    /// Variables that the environment may give, with the value where it does not.
    pub environment_variables: BTreeMap<String, Option<String>>,
    /// Environment variables that must be exported.
    pub exported: Vec<String>,
    /// Whether namespaces that no manifest declares are made.
    pub create_namespaces: bool,
    /// Manifests, from base or overlay on, whose `${…}` is their own text.
    pub verbatim: Vec<String>,
    /// The version that is rolled out.
    pub version: Option<String>,
    /// The environment that must have run a version before.
    pub promote_from: Option<String>,
    /// Images whose tag must be the version.
    pub versioned_images: Vec<String>,
    /// Whether images need a digest.
    pub require_digest: bool,
    /// What Ingresses for subdomains are made of.
    pub ingress: IngressConfig,
    /// Secrets from files.
    pub file_secrets: Vec<FileSecretConfig>,
    /// What `infra open` forwards to, by name.
    pub open: BTreeMap<String, OpenConfig>,
    /// Secrets from a `.env` file.
    pub env_secret: Option<EnvSecretConfig>,
    /// Image pull secret.
    pub docker_secret: Option<DockerSecretConfig>,
    /// What the tool installs itself.
    pub addons: AddonsConfig,
    /// Hosts that kustomize may fetch bases from.
    pub remote_bases: Vec<String>,
    /// How long kustomize may take.
    pub kustomize_limit: Duration,
    /// Whether the last line that a crashing container printed is shown.
    pub container_logs: bool,
    /// When objects of kinds are ready that the program knows nothing of.
    pub wait_rules: Vec<WaitRule>,
    /// Longest wait for one object.
    pub timeout: Duration,
}

/// The version that stands for the tag of the commit that is checked out.
pub const FROM_GIT: &str = "git";

/// What the tool installs itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AddonsConfig {
    /// The network plugin.
    pub cni: bool,
    /// The cloud's controller manager and volume driver.
    pub cloud: bool,
    /// The ingress controller.
    pub ingress: bool,
}

/// What Ingresses for subdomains are made of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IngressConfig {
    /// The class.
    pub class: String,
    /// Namespaces that the ingress controller serves beside those with Ingresses of the suite.
    pub namespaces: Vec<String>,
    /// Classes that something else serves.
    pub other_classes: Vec<String>,
    /// Whether an ingress controller that an earlier version installed stays.
    pub keep_retired: bool,
    /// cert-manager's ClusterIssuer.
    pub issuer: Option<String>,
    /// Whether hosts get TLS.
    pub tls: bool,
}

/// A Secret from files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSecretConfig {
    /// Its name.
    pub name: String,
    /// Its type.
    pub secret_type: String,
    /// Key to file; `-` is standard input.
    pub files: BTreeMap<String, PathBuf>,
    /// The namespaces that get it.
    pub namespaces: Vec<String>,
    /// Whether its name carries a hash of its content.
    pub hashed: bool,
}

/// What `infra open` forwards to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenConfig {
    /// Its namespace.
    pub namespace: String,
    /// The Service.
    pub service: String,
    /// The Service's port; the first one without.
    pub port: Option<u16>,
    /// The path to show.
    pub path: String,
}

/// Secrets from a `.env` file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvSecretConfig {
    /// The file.
    pub file: PathBuf,
    /// The keys that may be taken.
    pub keys: Vec<String>,
    /// The Secret's name.
    pub name: String,
    /// The namespaces that get it.
    pub namespaces: Vec<String>,
    /// Whether its name carries a hash of its content.
    pub hashed: bool,
}

/// Image pull secret from a docker `config.json`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DockerSecretConfig {
    /// The file.
    pub file: PathBuf,
    /// The Secret's name.
    pub name: String,
    /// The namespaces that get it.
    pub namespaces: Vec<String>,
    /// The registries to take; all when empty.
    pub registries: Vec<String>,
}
