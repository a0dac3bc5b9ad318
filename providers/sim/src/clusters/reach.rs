//! Whether kubelets reach the API server where their kubeconfigs say: one whose load balancer or name is
//! gone falls silent, and its Node is no longer ready.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::kube;
use super::running::Running;
use crate::machines::{Disk, admits, firewall_at, resolve, unit_is_active};
use crate::sim::Sim;
use crate::stand_in::kubeadm::kubeconfig;
use crate::world::LbFirewall;

/// How often it is asked.
const EVERY: Duration = Duration::from_millis(250);

/// Keeps the kubelets of a cluster silent as long as they don't reach the API server.
pub async fn run(cluster: Arc<Running>, stop: CancellationToken) {
    let mut servers: HashMap<u64, Option<(String, u16)>> = HashMap::new();
    let mut silent: HashSet<u64> = HashSet::new();
    while stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        cluster.count_again().await;
        let sim = &cluster.sim;
        // Thousands of nodes ask for one server.
        let mut answers: HashMap<(String, u16), Reach> = HashMap::new();
        for (droplet, node) in cluster.running_nodes().await {
            let disk = Disk::new(&sim.data.join("machines"), droplet);
            let known = match servers.get(&droplet) {
                Some(known) => known.clone(),
                None => {
                    let found = server(&disk);
                    // The file is written while the machine joins.
                    if found.is_some() || disk.fast_marker().exists() {
                        servers.insert(droplet, found.clone());
                    }
                    found
                }
            };
            let Some(asked) = known else { continue };
            let reach =
                answers.entry(asked).or_insert_with_key(|(host, port)| reach(sim, host, *port));
            let reached = match reach {
                Reach::Nobody => false,
                Reach::Everybody => true,
                Reach::Some(firewall) => admits(sim, firewall, droplet),
            };
            if !reached {
                silent.insert(droplet);
                kube::set_kubelet(&cluster.cluster, &node, false);
            } else if silent.remove(&droplet) {
                let runs = unit_is_active(&disk, "kubelet.service");
                kube::set_kubelet(&cluster.cluster, &node, runs);
            }
        }
    }
}

/// Reads where the kubelet of a machine looks for the API server; `None` while it has no
/// kubeconfig.
fn server(disk: &Disk) -> Option<(String, u16)> {
    let text = std::fs::read_to_string(disk.inside("/etc/kubernetes/kubelet.conf")?).ok()?;
    let config = kubeconfig::parse(&text).ok()?;
    Some((config.host, config.port))
}

/// Who reaches an address.
enum Reach {
    Nobody,
    Everybody,
    /// Those that this firewall of a load balancer lets in.
    Some(LbFirewall),
}

/// Returns who reaches what answers at `host:port`, seen from machines.
fn reach(sim: &Sim, host: &str, port: u16) -> Reach {
    let Ok(socket) = resolve(sim, host, port) else { return Reach::Nobody };
    let is_machine = |ip: Ipv4Addr| sim.net.lookup_address(ip, port).is_some();
    if host.parse::<Ipv4Addr>().is_ok_and(is_machine) {
        return Reach::Everybody;
    }
    // What is no machine's is a load balancer's, as long as there is one.
    let is_there = |ip: IpAddr| {
        sim.world.read(|state| state.load_balancers.iter().any(|one| IpAddr::V4(one.ip) == ip))
    };
    match firewall_at(sim, socket.ip()) {
        Some(firewall) => Reach::Some(firewall),
        None if is_there(socket.ip()) => Reach::Everybody,
        None => Reach::Nobody,
    }
}
