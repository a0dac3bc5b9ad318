//! What a listing and a create call must know of infra.toml beyond the owner.

use infra_provider_api::Cluster;

/// The few words of infra.toml that kinds need besides their specs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scope {
    /// The region.
    pub region: String,
    /// The bucket's name, where infra.toml fixes it.
    pub bucket: Option<String>,
    /// The cluster's domain: its zone is where records are.
    pub domain: Option<String>,
    /// Whether each machine needs a rule of its own to reach the API server.
    pub lets_nodes_in: bool,
    /// The user's own tags.
    pub tags: Vec<(String, String)>,
}

impl Scope {
    /// Takes the scope of a cluster.
    pub fn of(cluster: &Cluster) -> Self {
        Self {
            region: cluster.region.clone(),
            bucket: cluster.bucket.clone(),
            domain: cluster.dns.as_ref().map(|dns| dns.domain.clone()),
            lets_nodes_in: lets_nodes_in(cluster),
            tags: cluster.tags.iter().map(|tag| user_tag(tag)).collect(),
        }
    }
}

/// Reports whether each machine needs a rule of its own to reach the API server: where not everybody
/// may connect, and machines have addresses of their own, not that of a gateway.
pub(crate) fn lets_nodes_in(cluster: &Cluster) -> bool {
    cluster.api_load_balancer.is_narrow() && !cluster.placement.private
}

/// Parses `key=value`, or a key alone.
pub(crate) fn user_tag(text: &str) -> (String, String) {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    (key.trim().to_owned(), value.trim().to_owned())
}
