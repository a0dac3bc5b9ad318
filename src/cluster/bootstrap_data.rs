//! What each node is made from, and its user-data at the moment the machine is created.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::PathBuf,
    sync::Mutex,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use infra_object_store::Bucket;
use infra_provider_api::{
    BootPlatform, BootingMachine, CloudError, Cluster, ErrorKind, MachineBoot, NodeSlot, Pool, Role,
};
use infra_provisioning::{
    artifacts::Lock,
    kubeadm::{Argument, BootToken, ENCRYPTION_FILE, NodeBoot, Role as BootRole, Settings, Taint},
    node::{
        HandOver, NodeKit, PkiFile, PublishedNode, hand_over, publish_node, report_of_call,
        report_of_machine,
    },
    userdata::cloud_config,
};
use infra_ssl::{
    BootstrapToken, ClusterSecret, EncryptionKeys, PkiLayout, SslError, ca_cert_hash,
    files::SECRET_MODE, node_pki,
};
use secrecy::SecretString;

use super::{
    errors::{local, of_kit, of_store},
    join_secrets::JOIN_OF,
};

/// Returns how long join tokens are valid: long enough for a slow boot, and for control planes
/// until each has had its turn. They are deleted as soon as their node is Ready.
const fn token_ttl(role: Role) -> Duration {
    match role {
        Role::ControlPlane => Duration::from_secs(3600),
        Role::Worker => Duration::from_secs(1800),
    }
}
/// How long a published bundle may wait for its machine: a part of the time its URLs are good for,
/// so that the machine has the rest. The old machine may be drained in between.
const FRESH: Duration = Duration::from_secs(300);

/// Why a node's kit can't be made.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// No node has the name.
    #[error("there is no node `{0}`")]
    UnknownNode(String),
    /// The PKI is not there yet or is damaged.
    #[error(transparent)]
    Ssl(#[from] SslError),
    /// `ca.crt` is not there.
    #[error("the certificate of the cluster's authority is missing: {}", .0.display())]
    NoAuthority(PathBuf),
    /// `bootstrap.secret` is not there.
    #[error("the secret that bootstrap tokens are derived from is missing: {}", .0.display())]
    NoSecret(PathBuf),
    /// The encryption keys are gone, or are others than when the plan was made.
    #[error("the encryption keys changed meanwhile: {}", .0.display())]
    OtherKeys(PathBuf),
    /// The address of the API server's load balancer is not known.
    #[error("the address of the API server's load balancer is not known yet")]
    NoEndpoint,
    /// A machine that comes later has no token before its bundle is made.
    #[error("no boot of `{0}` was prepared, so it has no join token")]
    NoToken(String),
}

/// What machines are made from.
#[derive(Debug)]
pub struct BootstrapData {
    /// The cluster, with generations filled in.
    cluster: Cluster,
    /// Where each node stands in it: pool, and place in the pool.
    places: HashMap<String, (usize, usize)>,
    /// The name of the first control plane.
    first: Option<String>,
    pki: PkiLayout,
    lock: Lock,
    bucket: Bucket,
    platform: BootPlatform,
    external_cloud: bool,
    settings: Settings,
    kubelet: Vec<Argument>,
    /// Whether some control plane has run `kubeadm init`: then nobody may run it again.
    initialised: bool,
    /// The name under which nodes look for the API server, if it is not the load balancer's address.
    name: Option<String>,
    endpoint: Mutex<Option<String>>,
    published: Mutex<BTreeMap<String, (Instant, PublishedNode)>>,
    /// The objects to which the machines that this run creates report, by node.
    reports: Mutex<BTreeMap<String, String>>,
    /// The tokens of the boots that this run prepared, by node.
    tokens: Mutex<BTreeMap<String, SecretString>>,
}

/// What [`BootstrapData`] is made from.
#[derive(Debug)]
pub struct BootstrapInput {
    /// The cluster, with generations filled in.
    pub cluster: Cluster,
    /// The PKI folder.
    pub pki: PathBuf,
    /// The artifacts.
    pub lock: Lock,
    /// The cluster's bucket.
    pub bucket: Bucket,
    /// Where machines run.
    pub platform: BootPlatform,
    /// Whether a cloud controller manager will run.
    pub external_cloud: bool,
    /// Settings of control planes' components.
    pub settings: Settings,
    /// Further flags of kubelets.
    pub kubelet: Vec<Argument>,
    /// Whether the cluster exists already.
    pub initialised: bool,
    /// The name under which nodes look for the API server; `None`: at its load balancer's address.
    pub name: Option<String>,
    /// Address of the API server's load balancer, where known.
    pub endpoint: Option<String>,
}

impl BootstrapData {
    /// Makes the bootstrap data of a cluster.
    pub fn new(input: BootstrapInput) -> Self {
        let first = input.cluster.nodes().first().map(|(_, node)| node.name());
        let mut places = HashMap::new();
        for (place, pool) in input.cluster.pools.iter().enumerate() {
            for (number, node) in pool.nodes.iter().enumerate() {
                places.insert(node.name(), (place, number));
            }
        }
        Self {
            cluster: input.cluster,
            places,
            first,
            pki: PkiLayout::new(input.pki),
            lock: input.lock,
            bucket: input.bucket,
            platform: input.platform,
            external_cloud: input.external_cloud,
            settings: input.settings,
            kubelet: input.kubelet,
            initialised: input.initialised,
            name: input.name,
            endpoint: Mutex::new(input.endpoint),
            published: Mutex::new(BTreeMap::new()),
            tokens: Mutex::new(BTreeMap::new()),
            reports: Mutex::new(BTreeMap::new()),
        }
    }

    /// Returns the bucket that bundles go to.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Returns the name under which nodes look for the API server, if it is not an address.
    pub fn endpoint_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Hashes what the pool's nodes boot with; it needs no secret and no address.
    pub fn revision(&self, pool: &Pool, node: &NodeSlot) -> String {
        self.node_kit(self.plain_boot(pool, node, "")).revision()
    }

    fn node_kit(&self, boot: NodeBoot) -> NodeKit {
        NodeKit::new(boot, self.lock.clone(), self.platform)
    }

    /// Stores the load balancer's address, which becomes known during the run.
    pub fn set_endpoint(&self, address: &str) {
        if let Ok(mut endpoint) = self.endpoint.lock() {
            *endpoint = Some(address.to_owned());
        }
    }

    /// Returns the object to which the machine of `node` reports, if this run has created it.
    pub fn report_of(&self, node: &str) -> Option<String> {
        self.reports.lock().ok()?.get(node).cloned()
    }

    fn reports_to(&self, node: &str, object: String) {
        if let Ok(mut reports) = self.reports.lock() {
            reports.insert(node.to_owned(), object);
        }
    }

    /// Lets a machine read the files of its node. From then on the node's report is that machine's.
    ///
    /// # Errors
    /// Returns an error if there is no such node, or if the bucket refuses.
    pub async fn hand_over(&self, to: &HandOver) -> Result<(), CloudError> {
        let operation = format!("hand its files over to the machine of {}", to.node);
        let (pool, _) = self.find(&to.node).map_err(|error| local(&operation, error))?;
        hand_over(&self.bucket, boot_role(pool.role), to)
            .await
            .map_err(|error| of_store(&operation, &error))?;
        self.reports_to(&to.node, report_of_machine(&to.machine));
        Ok(())
    }

    fn plain_boot(&self, pool: &Pool, node: &NodeSlot, host: &str) -> NodeBoot {
        let role = boot_role(pool.role);
        let cluster = &self.cluster;
        let port = cluster.api_load_balancer.port;
        let leads = self.name.as_deref().unwrap_or(host);
        let mut boot = NodeBoot::new(
            &cluster.name,
            &node.name(),
            role,
            &cluster.versions.kubernetes,
            &format!("{leads}:{port}"),
        );
        boot.cert_sans = std::iter::once(host.to_owned())
            .filter(|host| !host.is_empty())
            .chain(cluster.api_names())
            .chain(self.name.clone())
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect();
        boot.pod_cidr = cluster.network.pods.to_string();
        boot.service_cidr = cluster.network.services.to_string();
        boot.dns_domain.clone_from(&cluster.network.cluster_domain);
        boot.labels = pool.labels.clone();
        boot.labels.insert("infra.dev/pool".into(), pool.name.clone());
        boot.taints = pool.taints.iter().filter_map(|taint| parse_taint(taint)).collect();
        boot.cloud_provider_external = self.external_cloud;
        boot.kubelet_args.clone_from(&self.kubelet);
        if pool.role == Role::ControlPlane {
            boot.settings.clone_from(&self.settings);
        }
        boot
    }

    fn find(&self, name: &str) -> Result<(&Pool, &NodeSlot), BootstrapError> {
        let found = self.places.get(name).and_then(|(place, number)| {
            let pool = self.cluster.pools.get(*place)?;
            Some((pool, pool.nodes.get(*number)?))
        });
        found.ok_or_else(|| BootstrapError::UnknownNode(name.to_owned()))
    }

    /// Returns true if `node` runs `kubeadm init`: the first control plane, once in a cluster's
    /// life.
    fn is_first(&self, node: &NodeSlot) -> bool {
        !self.initialised && self.first.as_ref() == Some(&node.name())
    }

    /// Returns true if some control plane has made the cluster.
    pub fn is_initialised(&self) -> bool {
        self.initialised
    }

    /// Returns true if the control plane `node` waits for its turn before it joins.
    pub fn needs_turn(&self, pool: &Pool, node: &NodeSlot) -> bool {
        pool.role == Role::ControlPlane && !self.is_first(node)
    }

    /// Returns the settings of the components of `name`, if it is a control plane.
    pub fn control_plane_settings(&self, name: &str) -> Option<&Settings> {
        let (pool, _) = self.find(name).ok()?;
        (pool.role == Role::ControlPlane).then_some(&self.settings)
    }

    /// Reads the keys that control planes get; `None` if they get none.
    ///
    /// # Errors
    /// Returns an error if the file is damaged.
    pub fn encryption_keys(&self) -> Result<Option<EncryptionKeys>, BootstrapError> {
        if self.settings.encryption.is_empty() {
            return Ok(None);
        }
        Ok(EncryptionKeys::read(&self.pki.encryption_keys())?)
    }

    /// Returns true if `name` is the only control plane of a cluster that has been made: etcd's data
    /// lies on it and nowhere else.
    pub fn holds_all_data(&self, name: &str) -> bool {
        let pools = self.cluster.pools.iter().filter(|pool| pool.role == Role::ControlPlane);
        let control_planes: usize = pools.map(|pool| pool.nodes.len()).sum();
        self.initialised && control_planes == 1 && self.first.as_deref() == Some(name)
    }

    /// Returns the join token of the boot that was prepared last for `node`, and how long it may be
    /// good for.
    ///
    /// # Errors
    /// Returns an error if no boot was prepared, or if there is no such node.
    pub fn token(&self, node: &str) -> Result<(SecretString, Duration), BootstrapError> {
        let (pool, _) = self.find(node)?;
        let token = self.tokens.lock().ok().and_then(|tokens| tokens.get(node).cloned());
        let token = token.ok_or_else(|| BootstrapError::NoToken(node.to_owned()))?;
        Ok((token, token_ttl(pool.role)))
    }

    /// Makes the token of one boot. Before the cluster exists it follows from the node's name,
    /// because the first control plane has to know it, too. Later each boot has a new one, so that
    /// the token of an earlier machine of this name lets nobody join again.
    fn new_token(&self, node: &str) -> Result<SecretString, BootstrapError> {
        let token = match self.initialised {
            true => BootstrapToken::random()?.token(),
            false => self.secret()?.token_for(node)?.token(),
        };
        if let Ok(mut tokens) = self.tokens.lock() {
            tokens.insert(node.to_owned(), token.clone());
        }
        Ok(token)
    }

    fn secret(&self) -> Result<ClusterSecret, BootstrapError> {
        let path = self.pki.cluster_secret();
        ClusterSecret::read(&path)?.ok_or(BootstrapError::NoSecret(path))
    }

    /// Makes everything that `name` is made from, secrets included.
    ///
    /// # Errors
    /// Returns a [`BootstrapError`].
    pub fn kit(&self, name: &str) -> Result<NodeKit, BootstrapError> {
        let (pool, node) = self.find(name)?;
        let endpoint = self.endpoint.lock().ok().and_then(|endpoint| endpoint.clone());
        let host = endpoint.ok_or(BootstrapError::NoEndpoint)?;
        let mut boot = self.plain_boot(pool, node, &host);
        let ca = self.pki.cert("ca");
        let ca_pem = infra_ssl::files::read_optional(&ca)?
            .ok_or_else(|| BootstrapError::NoAuthority(ca.clone()))?;
        boot.ca_hash = ca_cert_hash(&ca_pem)?;
        boot.token = self.new_token(name)?;
        boot.first_control_plane = self.is_first(node);
        if boot.first_control_plane {
            let secret = self.secret()?;
            for (pool, other) in self.cluster.nodes() {
                if other.name() != name {
                    boot.init_tokens.push(BootToken {
                        token: secret.token_for(&other.name())?.token(),
                        description: format!("{JOIN_OF}{}", other.name()),
                        ttl: token_ttl(pool.role),
                    });
                }
            }
        }
        let mut kit = self.node_kit(boot);
        if pool.role == Role::ControlPlane {
            kit.pki = node_pki(self.pki.dir())?
                .files
                .into_iter()
                .map(|file| PkiFile { path: file.path, mode: file.mode, contents: file.contents })
                .collect();
            kit.pki.extend(self.encryption_file()?);
        }
        Ok(kit)
    }

    /// Makes what `name` is made from, to be shown. Where this machine lacks the keys of a cluster that has
    /// its load balancer, what they decide is left out or zeros; the text says why.
    ///
    /// # Errors
    /// Returns a [`BootstrapError`] if the node is unknown, or the cluster has no load balancer yet.
    pub fn kit_to_show(&self, name: &str) -> Result<(NodeKit, Option<String>), BootstrapError> {
        let lacking = match self.kit(name) {
            Ok(kit) => return Ok((kit, None)),
            Err(error @ (BootstrapError::UnknownNode(_) | BootstrapError::NoEndpoint)) => {
                return Err(error);
            }
            Err(error) => error,
        };
        let (pool, node) = self.find(name)?;
        let host = self.endpoint.lock().ok().and_then(|endpoint| endpoint.clone());
        let mut boot = self.plain_boot(pool, node, &host.ok_or(BootstrapError::NoEndpoint)?);
        boot.ca_hash = format!("sha256:{}", "0".repeat(64));
        boot.token = BootstrapToken::random()?.token();
        let why = format!(
            "cannot show the pin of the authority, tokens and keys of {name}: {lacking}; zeros stand for the pin"
        );
        Ok((self.node_kit(boot), Some(why)))
    }

    /// Returns the file with the keys that Secrets are encrypted with.
    fn encryption_file(&self) -> Result<Option<PkiFile>, BootstrapError> {
        if self.settings.encryption.is_empty() {
            return Ok(None);
        }
        let path = self.pki.encryption_keys();
        let keys = EncryptionKeys::read(&path)?;
        // The bundle's revision follows from the order of before.
        let keys = keys.filter(|keys| keys.order() == self.settings.encryption);
        let keys = keys.ok_or(BootstrapError::OtherKeys(path))?;
        let contents = keys.configuration()?;
        Ok(Some(PkiFile { path: ENCRYPTION_FILE.into(), mode: SECRET_MODE, contents }))
    }

    /// Sends a node's bundle to the bucket and keeps its user-data for when the machine is made.
    ///
    /// # Errors
    /// Returns an error if the kit cannot be made, or if the bucket cannot be written.
    pub async fn publish(&self, name: &str) -> Result<PublishedNode, CloudError> {
        let operation = format!("publish the boot bundle of {name}");
        let kit = self
            .kit(name)
            .map_err(|error| CloudError::new(ErrorKind::Local, &operation, error.to_string()))?;
        let published =
            publish_node(&self.bucket, &kit).await.map_err(|error| of_kit(&operation, &error))?;
        if let Ok(mut kept) = self.published.lock() {
            kept.insert(name.to_owned(), (Instant::now(), published.clone()));
        }
        Ok(published)
    }
}

#[async_trait]
impl MachineBoot for BootstrapData {
    async fn user_data(
        &self,
        machines: &[BootingMachine<'_>],
        limit_bytes: usize,
    ) -> Result<SecretString, CloudError> {
        let names: Vec<&str> = machines.iter().map(|machine| machine.node).collect();
        let operation = format!("make the user-data of {}", names.join(", "));
        let mut published = Vec::with_capacity(machines.len());
        let mut envs = Vec::with_capacity(machines.len());
        for BootingMachine { node, key } in machines {
            let kept = self.published.lock().ok().and_then(|mut kept| kept.remove(*node));
            let one = match kept.filter(|(at, _)| at.elapsed() < FRESH) {
                Some((_, kept)) => kept,
                // The URLs of an earlier bundle may be over: it is published again.
                None => self.publish(node).await?,
            };
            let env = one.env_of(&self.bucket, key).await;
            envs.push(env.map_err(|error| of_kit(&operation, &error))?);
            published.push(one);
            // Where machines report as themselves nobody does here, until this one is known.
            self.reports_to(node, report_of_call(node, key));
        }
        let envs: Vec<_> = envs.iter().collect();
        let store_ca = published.first().and_then(|one| one.store_ca_pem.as_deref());
        // What the cloud unpacks may be longer than what it takes.
        let unpacked = BootPlatform { user_data_max: limit_bytes, ..self.platform };
        cloud_config(&envs, store_ca, &unpacked)
            .map(|file| file.contents)
            .map_err(|error| CloudError::new(ErrorKind::Invalid, operation, error.to_string()))
    }
}

fn boot_role(role: Role) -> BootRole {
    match role {
        Role::ControlPlane => BootRole::ControlPlane,
        Role::Worker => BootRole::Worker,
    }
}

fn parse_taint(text: &str) -> Option<Taint> {
    let (key, effect) = text.rsplit_once(':')?;
    let (key, value) = key.split_once('=').unwrap_or((key, ""));
    Some(Taint { key: key.into(), value: value.into(), effect: effect.into() })
}
