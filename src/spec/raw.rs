//! infra.toml as it is written. The doc comments become the JSON Schema's descriptions.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A cluster, its network, its nodes, and the apps that run on it.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Raw {
    /// The cluster itself.
    pub cluster: RawCluster,
    /// Address ranges.
    pub network: RawNetwork,
    /// What differs from cloud to cloud: `[providers.do]`, `[providers.aws]`, `[providers.gcp]`.
    pub providers: BTreeMap<String, RawProvider>,
    /// Groups of equal nodes: `[pools.worker]`.
    pub pools: BTreeMap<String, RawPool>,
    /// Public keys that may log in to the nodes: `ops = "ssh-ed25519 AAAA…"` or
    /// `ops = { file = "~/.ssh/id_ed25519.pub" }`.
    pub ssh_keys: BTreeMap<String, RawSshKey>,
    /// Traffic that is let in from outside the cluster.
    pub firewall: Vec<RawFirewallRule>,
    /// The cluster's domain.
    pub dns: Option<RawDns>,
    /// How long certificates last.
    pub certificates: RawCertificates,
    /// What the nodes download at boot.
    pub artifacts: RawArtifacts,
    /// Where the record, the certificates and their keys are kept.
    pub state: Option<RawState>,
    /// The app suite.
    pub apps: Option<RawApps>,
    /// Overlays: `[environments.prod]` holds any of the tables above, and wins over them.
    pub environments: BTreeMap<String, RawEnvironment>,
}

/// The cluster itself.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawCluster {
    /// Its name: lower-case letters, digits and `-`, at most 40 characters.
    pub name: String,
    /// The cloud, unless `--provider` says otherwise: do, aws or gcp.
    pub provider: Option<String>,
    /// Kubernetes version, for instance "1.36.2".
    pub kubernetes: Option<String>,
    /// The environment taken when `--env` is not given.
    pub default_environment: Option<String>,
    /// Take any name after `--env`, also one without a table of its own.
    pub any_environment: bool,
    /// Ask for the environment's (or cluster's) name to be typed before anything is changed.
    pub protected: bool,
    /// Tags put on every cloud resource that can carry them.
    pub tags: Vec<String>,
}

/// Address ranges; they must not overlap.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawNetwork {
    /// The private network of the machines. Default "10.110.0.0/20".
    pub machines: Option<String>,
    /// Pods. Default "10.244.0.0/16".
    pub pods: Option<String>,
    /// Services. Default "10.96.0.0/16".
    pub services: Option<String>,
    /// The domain inside the cluster. Default "cluster.local".
    pub cluster_domain: Option<String>,
    /// The port of the API server's load balancer. Default 6443.
    pub api_port: Option<u16>,
}

/// What differs from cloud to cloud.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawProvider {
    /// The cloud's region, for instance "fra1".
    pub region: Option<String>,
    /// The machines' image, for instance "ubuntu-24-04-x64" (do), "ubuntu-24.04" (aws).
    pub image: Option<String>,
    /// The only account the cluster may be in; any other is refused. AWS: its 12 digits.
    pub account: Option<String>,
    /// Availability zones to spread over, by letter or full name: ["a", "b", "c"]. AWS only.
    pub zones: Vec<String>,
    /// Machines get no public address and reach the outside through a gateway. AWS only.
    pub private: Option<bool>,
    /// The machines' root disk, for instance "40GiB". AWS only.
    pub disk: Option<String>,
}

/// A group of equal nodes.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawPool {
    /// What its nodes are for. Default: `control-plane` for the pool of that name, else `worker`.
    pub role: Option<RawRole>,
    /// How many nodes.
    pub count: u32,
    /// The least number of virtual processors.
    pub vcpus: Option<u32>,
    /// The least memory, for instance "4GiB".
    pub memory: Option<String>,
    /// The cloud's own name of the machine type, instead of `vcpus` and `memory`; a table where it
    /// differs from cloud to cloud: `{ do = "s-2vcpu-4gb", aws = "t3.medium" }`.
    #[serde(rename = "type")]
    pub machine_type: Option<RawType>,
    /// Labels of the Nodes.
    pub labels: BTreeMap<String, String>,
    /// Taints of the Nodes, as kubectl writes them: "key=value:NoSchedule".
    pub taints: Vec<String>,
}

/// What a pool's nodes are for.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum RawRole {
    /// Runs the API server and etcd.
    ControlPlane,
    /// Runs the apps.
    Worker,
}

/// A machine type, or one for each cloud.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RawType {
    /// The same name whatever the cloud.
    One(String),
    /// By the cloud's short name.
    Each(BTreeMap<String, String>),
}

/// A public key, or the file that holds it.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(untagged)]
pub enum RawSshKey {
    /// The key itself, one line in OpenSSH's format.
    Key(String),
    /// The file that holds it.
    File(RawFile),
}

/// A file.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFile {
    /// Path, relative to infra.toml's folder; `~/` is your home folder.
    pub file: String,
}

/// Traffic that is let in.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawFirewallRule {
    /// The nodes it is about. Default: all.
    #[serde(default)]
    pub to: Option<RawAccess>,
    /// Default: tcp.
    #[serde(default)]
    pub protocol: Option<RawProtocol>,
    /// One port or a range: "6443", "30000-32767". Not for icmp.
    #[serde(default)]
    pub ports: Option<String>,
    /// CIDRs, or "nodes", or "load-balancers".
    pub from: Vec<String>,
}

/// The nodes a rule is about.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum RawAccess {
    /// Every node.
    All,
    /// Control planes only.
    ControlPlane,
    /// Workers only.
    Worker,
}

/// A transport protocol.
#[derive(Clone, Copy, Debug, Deserialize, Serialize, JsonSchema, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum RawProtocol {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// ICMP.
    Icmp,
}

/// The cluster's domain.
#[derive(Clone, Debug, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RawDns {
    /// The domain; it and `*.domain` will point at the ingress load balancer.
    pub domain: String,
    /// Seconds that answers may be kept. Default 300.
    #[serde(default)]
    pub ttl: Option<u32>,
    /// Make the zone with the cluster and delete it with it. Default true; with false it must be
    /// there already.
    #[serde(default)]
    pub manage_zone: Option<bool>,
    /// The API server's name below the domain. Default "api".
    #[serde(default)]
    pub api_name: Option<String>,
}

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
    /// The local cache. Default ".infra/artifacts".
    pub cache: Option<String>,
}

/// Where the record, the certificates and their keys are kept.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawState {
    /// "local" (`.infra/<cluster>` and `ssl/<cluster>` in the folder you run it in; the default), or
    /// "s3://bucket/prefix".
    pub backend: Option<String>,
    /// The store's URL, where it is not the provider's own or Amazon's.
    pub endpoint: Option<String>,
    /// The store's region.
    pub region: Option<String>,
    /// Who may read the private keys: public keys of age ("age1…"). Without any they are encrypted
    /// with a passphrase.
    pub recipients: Vec<String>,
    /// File with the private key of one of the recipients, for this machine.
    pub identity: Option<String>,
    /// How long after its last sign of life a run that holds the lock counts as dead. Default "60s".
    pub lease: Option<String>,
}

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
    pub variables: BTreeMap<String, String>,
    /// Environment variables that `${NAME}` takes its values from; each must be exported. Their
    /// values are secret: they may stand in Secrets only, and are never shown.
    pub exported: Vec<String>,
    /// Make namespaces that no manifest declares.
    pub create_namespaces: bool,
    /// The version that is rolled out, unless `--version` says otherwise: the value of `${VERSION}`.
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
    /// Longest wait for one object, for instance "5m".
    pub timeout: Option<String>,
}

/// What the tool installs itself.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawAddons {
    /// The network plugin (flannel).
    pub cni: Option<bool>,
    /// The cloud's controller manager and volume driver.
    pub cloud: Option<bool>,
    /// The ingress controller (ingress-nginx).
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
    /// Their class. Default "nginx".
    pub class: Option<String>,
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

/// An overlay. Tables are merged key by key, lists and values are taken whole.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawEnvironment {
    /// Ask for the environment's name to be typed before anything is changed.
    pub protected: Option<bool>,
    /// See the table of that name.
    pub cluster: Option<RawCluster>,
    /// See the table of that name.
    pub network: Option<RawNetwork>,
    /// See the table of that name.
    pub providers: Option<BTreeMap<String, RawProvider>>,
    /// See the table of that name.
    pub pools: Option<BTreeMap<String, RawPool>>,
    /// See the table of that name.
    pub ssh_keys: Option<BTreeMap<String, RawSshKey>>,
    /// See the table of that name.
    pub firewall: Option<Vec<RawFirewallRule>>,
    /// See the table of that name.
    pub dns: Option<RawDnsOverlay>,
    /// See the table of that name.
    pub certificates: Option<RawCertificates>,
    /// See the table of that name.
    pub artifacts: Option<RawArtifacts>,
    /// See the table of that name.
    pub state: Option<RawState>,
    /// See the table of that name.
    pub apps: Option<RawApps>,
}

/// `[dns]` in an overlay, where every key may be left out.
#[derive(Clone, Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RawDnsOverlay {
    /// See `[dns]`.
    pub domain: Option<String>,
    /// See `[dns]`.
    pub ttl: Option<u32>,
    /// See `[dns]`.
    pub manage_zone: Option<bool>,
    /// See `[dns]`.
    pub api_name: Option<String>,
}
