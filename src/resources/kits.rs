//! What each node is made from, and its user-data at the moment the machine is created.

use std::{
    collections::{BTreeMap, HashMap},
    path::PathBuf,
    sync::Mutex,
    time::{Duration, Instant},
};

use async_trait::async_trait;
use infra_provider_api::{
    BootingMachine, CloudError, Cluster, ErrorKind, MachineBoot, NodePlan, Pool, Role,
};
use infra_provisioning::{
    artifacts::Lock,
    boot::Platform,
    kubeadm::{BootToken, NodeBoot, Role as BootRole, Taint},
    node::{NodeKit, PkiFile, PublishedNode, publish_node},
    store::Bucket,
    userdata::{UserDataLimit, cloud_config},
};
use infra_ssl::{BootstrapToken, ClusterSecret, PkiLayout, SslError, ca_cert_hash, node_pki};
use secrecy::SecretString;

use super::{errors::of_kit, join_secrets::JOIN_OF};

/// How long join tokens are good for: long enough for a slow boot, and for control planes until each
/// has had its turn. They are deleted as soon as their node is Ready.
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
pub enum KitsError {
    /// No node has the name.
    #[error("there is no node `{0}`")]
    UnknownNode(String),
    /// The PKI is not there yet or is damaged.
    #[error(transparent)]
    Ssl(#[from] SslError),
    /// `bootstrap.secret` is not there.
    #[error("the secret that bootstrap tokens are derived from is missing: {}", .0.display())]
    NoSecret(PathBuf),
    /// The address of the API server's load balancer is not known.
    #[error("the address of the API server's load balancer is not known yet")]
    NoEndpoint,
    /// A machine that comes later has no token before its bundle is made.
    #[error("no boot of `{0}` was prepared, so it has no join token")]
    NoToken(String),
}

/// What machines are made from.
#[derive(Debug)]
pub struct Kits {
    /// The cluster, with generations filled in.
    cluster: Cluster,
    /// Where each node stands in it: pool, and place in the pool.
    places: HashMap<String, (usize, usize)>,
    /// The name of the first control plane.
    first: Option<String>,
    pki: PkiLayout,
    lock: Lock,
    bucket: Bucket,
    platform: Platform,
    external_cloud: bool,
    /// Whether some control plane has run `kubeadm init`: then nobody may run it again.
    initialised: bool,
    endpoint: Mutex<Option<String>>,
    published: Mutex<BTreeMap<String, (Instant, PublishedNode)>>,
    /// The keys under which the machines that this run creates report, by node.
    keys: Mutex<BTreeMap<String, String>>,
    /// The tokens of the boots that this run prepared, by node.
    tokens: Mutex<BTreeMap<String, SecretString>>,
}

/// What [`Kits`] is made from.
#[derive(Debug)]
pub struct KitsInput {
    /// The cluster, with generations filled in.
    pub cluster: Cluster,
    /// The PKI folder.
    pub pki: PathBuf,
    /// The artifacts.
    pub lock: Lock,
    /// The cluster's bucket.
    pub bucket: Bucket,
    /// Where machines run.
    pub platform: Platform,
    /// Whether a cloud controller manager will run.
    pub external_cloud: bool,
    /// Whether the cluster exists already.
    pub initialised: bool,
    /// Address of the API server's load balancer, where known.
    pub endpoint: Option<String>,
}

impl Kits {
    /// The kits of a cluster.
    pub fn new(input: KitsInput) -> Self {
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
            initialised: input.initialised,
            endpoint: Mutex::new(input.endpoint),
            published: Mutex::new(BTreeMap::new()),
            tokens: Mutex::new(BTreeMap::new()),
            keys: Mutex::new(BTreeMap::new()),
        }
    }

    /// The bucket that bundles go to.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// Hash of what the pool's nodes boot with; needs no secret and no address.
    pub fn revision(&self, pool: &Pool, node: &NodePlan) -> String {
        self.node_kit(self.plain_boot(pool, node, "")).revision()
    }

    fn node_kit(&self, boot: NodeBoot) -> NodeKit {
        NodeKit::new(boot, self.lock.clone()).on(self.platform)
    }

    /// The load balancer's address, learnt while the run goes on.
    pub fn set_endpoint(&self, address: &str) {
        if let Ok(mut endpoint) = self.endpoint.lock() {
            *endpoint = Some(address.to_owned());
        }
    }

    /// The key under which the machine of `node` reports, if this run has created it.
    pub fn key_of(&self, node: &str) -> Option<String> {
        self.keys.lock().ok()?.get(node).cloned()
    }

    fn plain_boot(&self, pool: &Pool, node: &NodePlan, host: &str) -> NodeBoot {
        let role = match pool.role {
            Role::ControlPlane => BootRole::ControlPlane,
            Role::Worker => BootRole::Worker,
        };
        let cluster = &self.cluster;
        let port = cluster.api_load_balancer.port;
        let mut boot = NodeBoot::new(
            &cluster.name,
            &node.name(),
            role,
            &cluster.versions.kubernetes,
            &format!("{host}:{port}"),
        );
        boot.cert_sans = std::iter::once(host.to_owned())
            .filter(|host| !host.is_empty())
            .chain(cluster.api_names())
            .collect();
        boot.pod_cidr = cluster.network.pods.to_string();
        boot.service_cidr = cluster.network.services.to_string();
        boot.dns_domain.clone_from(&cluster.network.cluster_domain);
        boot.labels = pool.labels.clone();
        boot.labels.insert("infra.dev/pool".into(), pool.name.clone());
        boot.taints = pool.taints.iter().filter_map(|taint| parse_taint(taint)).collect();
        boot.cloud_provider_external = self.external_cloud;
        boot
    }

    fn find(&self, name: &str) -> Result<(&Pool, &NodePlan), KitsError> {
        let found = self.places.get(name).and_then(|(place, number)| {
            let pool = self.cluster.pools.get(*place)?;
            Some((pool, pool.nodes.get(*number)?))
        });
        found.ok_or_else(|| KitsError::UnknownNode(name.to_owned()))
    }

    /// The node that runs `kubeadm init`: the first control plane, once in a cluster's life.
    fn is_first(&self, node: &NodePlan) -> bool {
        !self.initialised && self.first.as_ref() == Some(&node.name())
    }

    /// Whether some control plane has made the cluster.
    pub fn is_initialised(&self) -> bool {
        self.initialised
    }

    /// Whether the control plane `node` waits for its turn before it joins.
    pub fn needs_turn(&self, pool: &Pool, node: &NodePlan) -> bool {
        pool.role == Role::ControlPlane && !self.is_first(node)
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
    /// None was prepared, or there is no such node.
    pub fn token(&self, node: &str) -> Result<(SecretString, Duration), KitsError> {
        let (pool, _) = self.find(node)?;
        let token = self.tokens.lock().ok().and_then(|tokens| tokens.get(node).cloned());
        let token = token.ok_or_else(|| KitsError::NoToken(node.to_owned()))?;
        Ok((token, token_ttl(pool.role)))
    }

    /// Makes the token of one boot. Before the cluster exists it follows from the node's name, because
    /// the first control plane has to know it, too; later each boot has a new one, so that nothing that
    /// an earlier machine of this name was given lets anybody join again.
    fn new_token(&self, node: &str) -> Result<SecretString, KitsError> {
        let token = match self.initialised {
            true => BootstrapToken::random()?.token(),
            false => self.secret()?.token_for(node)?.token(),
        };
        if let Ok(mut tokens) = self.tokens.lock() {
            tokens.insert(node.to_owned(), token.clone());
        }
        Ok(token)
    }

    fn secret(&self) -> Result<ClusterSecret, KitsError> {
        let path = self.pki.cluster_secret();
        ClusterSecret::read(&path)?.ok_or(KitsError::NoSecret(path))
    }

    /// Everything `name` is made from, secrets included.
    ///
    /// # Errors
    /// See [`KitsError`].
    pub fn kit(&self, name: &str) -> Result<NodeKit, KitsError> {
        let (pool, node) = self.find(name)?;
        let endpoint = self.endpoint.lock().ok().and_then(|endpoint| endpoint.clone());
        let host = endpoint.ok_or(KitsError::NoEndpoint)?;
        let mut boot = self.plain_boot(pool, node, &host);
        let ca = self.pki.cert("ca");
        let ca_pem = infra_ssl::files::read_optional(&ca)?.unwrap_or_default();
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
        }
        Ok(kit)
    }

    /// Sends a node's bundle to the bucket and keeps its user-data for when the machine is made.
    ///
    /// # Errors
    /// The kit can't be made, or the bucket can't be written.
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
impl MachineBoot for Kits {
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
            if let Ok(mut keys) = self.keys.lock() {
                keys.insert((*node).to_owned(), (*key).to_owned());
            }
        }
        let envs: Vec<_> = envs.iter().collect();
        let store_ca = published.first().and_then(|one| one.store_ca_pem.as_deref());
        let own = self.platform.limit();
        // What the cloud unpacks may be longer than what it takes.
        let limit = UserDataLimit { bytes: limit_bytes, ..own };
        cloud_config(&envs, store_ca, &limit)
            .map(|file| file.contents)
            .map_err(|error| CloudError::new(ErrorKind::Invalid, operation, error.to_string()))
    }
}

fn parse_taint(text: &str) -> Option<Taint> {
    let (key, effect) = text.rsplit_once(':')?;
    let (key, value) = key.split_once('=').unwrap_or((key, ""));
    Some(Taint { key: key.into(), value: value.into(), effect: effect.into() })
}
