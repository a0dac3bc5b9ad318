//! Forwarding connections to the machines whose port accepts.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::status::TargetStatus;
use crate::api::load_balancer_model;
use crate::faults::client::Forwarding;
use crate::sim::Sim;
use crate::world::{Droplet, DropletStatus, InstanceStatus};

/// A droplet that doesn't accept within this time counts as unhealthy for this connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Accepts until `stop`, each connection going to the next healthy droplet.
pub async fn run(
    sim: Arc<Sim>,
    listener: TcpListener,
    balancer: u64,
    port: u16,
    stop: CancellationToken,
) {
    let next = Arc::new(AtomicUsize::new(0));
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(e) => {
                    tracing::warn!("load balancer: accept: {e}");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                    continue;
                }
            },
        };
        let (sim, next, stop) = (sim.clone(), next.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! {
                () = stop.cancelled() => {}
                () = forward(&sim, stream, balancer, port, &next) => {}
            }
        });
    }
}

/// Reports whether the load balancer's firewall lets this client in. Machines have no sockets of their
/// own: for them [`crate::machines::resolve_from`] asks.
fn is_admitted(sim: &Sim, client: &TcpStream, balancer: u64) -> bool {
    let Ok(IpAddr::V4(ip)) = client.peer_addr().map(|peer| peer.ip()) else { return false };
    sim.world.read(|w| w.load_balancers.get(balancer).is_some_and(|l| l.firewall.admits(ip)))
}

async fn forward(sim: &Sim, mut client: TcpStream, balancer: u64, port: u16, next: &AtomicUsize) {
    if !is_admitted(sim, &client, balancer) {
        return;
    }
    let machines = machines(sim, balancer);
    let start = next.fetch_add(1, Ordering::Relaxed);
    for i in 0..machines.len() {
        let Some(socket) = healthy(sim, &machines[(start + i) % machines.len()], port) else {
            continue;
        };
        let connect = tokio::time::timeout(CONNECT_TIMEOUT, TcpStream::connect(socket));
        if let Ok(Ok(mut server)) = connect.await {
            let _ = client.set_nodelay(true);
            let _ = server.set_nodelay(true);
            let ends = server.local_addr().and_then(|own| Ok((own, client.peer_addr()?)));
            let _forwarding = ends.ok().map(|(own, client)| Forwarding::new(own, client));
            let _ = copy_bidirectional(&mut client, &mut server).await;
            return;
        }
    }
    // No healthy machine: the connection is closed at once.
}

/// A machine behind a load balancer.
struct Target {
    id: u64,
    name: String,
    runs: bool,
}

fn machines(sim: &Sim, balancer: u64) -> Vec<Target> {
    sim.world.read(|w| {
        let Some(l) = w.load_balancers.get(balancer).cloned() else { return Vec::new() };
        let Some(cluster) = l.gke_cluster else {
            let of_droplet = |d: &Arc<Droplet>| Target {
                id: d.id,
                name: d.name.clone(),
                runs: d.status == DropletStatus::Active,
            };
            return load_balancer_model::targets(w, &l).iter().map(of_droplet).collect();
        };
        w.instances
            .by_group(cluster)
            .filter(|one| l.droplet_ids.binary_search(&one.id).is_ok())
            .map(|one| Target {
                id: one.id,
                name: one.name.clone(),
                runs: one.status == InstanceStatus::Running,
            })
            .collect()
    })
}

fn healthy(sim: &Sim, target: &Target, port: u16) -> Option<std::net::SocketAddr> {
    target.runs.then(|| sim.net.lookup(target.id, port)).flatten()
}

/// Lists the machines behind a listener.
pub fn targets(sim: &Sim, balancer: u64, port: u16) -> Vec<TargetStatus> {
    machines(sim, balancer)
        .iter()
        .map(|target| TargetStatus {
            droplet_id: target.id,
            name: target.name.clone(),
            socket: healthy(sim, target, port).map(|s| s.to_string()),
        })
        .collect()
}
