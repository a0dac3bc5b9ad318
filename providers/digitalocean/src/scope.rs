//! What kinds must know of infra.toml beyond the owner and the specs.

use infra_provider_api::Cluster;

/// The few words of infra.toml that kinds need: where objects are kept, names that do not carry the
/// owner's mark, and how large the cluster is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The cloud's region: picks the endpoint of Spaces.
    pub region: String,
    /// The bucket's name, where infra.toml fixes it.
    pub bucket: Option<String>,
    /// The cluster's domain: looked at first, and alone where it is known that no other zone holds
    /// anything of the cluster.
    pub domain: Option<String>,
    /// `(name, public key)` of each declared SSH key. DigitalOcean holds one entry per public key
    /// and account, so a key may be there under a name that is not ours.
    pub ssh_keys: Vec<(String, String)>,
    /// Whether not everybody may connect to the API server.
    pub is_narrow: bool,
    /// How many machines the cluster has.
    pub machines: usize,
}

impl Scope {
    /// Takes the scope of a cluster.
    pub fn of(cluster: &Cluster) -> Self {
        Self {
            region: cluster.region.clone(),
            bucket: cluster.bucket.clone(),
            domain: cluster.dns.as_ref().map(|dns| dns.domain.clone()),
            ssh_keys: cluster
                .ssh_keys
                .iter()
                .map(|key| (key.name.clone(), key.public_key.clone()))
                .collect(),
            is_narrow: cluster.api_load_balancer.is_narrow(),
            machines: cluster.pools.iter().map(|pool| pool.nodes.len()).sum(),
        }
    }
}
