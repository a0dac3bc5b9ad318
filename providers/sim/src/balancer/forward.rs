//! Forwarding connections to the droplets whose port accepts.

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
use crate::world::{Droplet, DropletStatus};

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
    let droplets = droplets(sim, balancer);
    let start = next.fetch_add(1, Ordering::Relaxed);
    for i in 0..droplets.len() {
        let droplet = &droplets[(start + i) % droplets.len()];
        let Some(socket) = healthy(sim, droplet, port) else {
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
    // No healthy droplet: the connection is closed at once.
}

fn droplets(sim: &Sim, balancer: u64) -> Vec<Arc<Droplet>> {
    sim.world.read(|w| match w.load_balancers.get(balancer).cloned() {
        Some(l) => load_balancer_model::targets(w, &l),
        None => Vec::new(),
    })
}

fn healthy(sim: &Sim, droplet: &Droplet, port: u16) -> Option<std::net::SocketAddr> {
    (droplet.status == DropletStatus::Active).then(|| sim.net.lookup(droplet.id, port)).flatten()
}

/// Lists the droplets behind a listener.
pub fn targets(sim: &Sim, balancer: u64, port: u16) -> Vec<TargetStatus> {
    droplets(sim, balancer)
        .iter()
        .map(|d| TargetStatus {
            droplet_id: d.id,
            name: d.name.clone(),
            socket: healthy(sim, d, port).map(|s| s.to_string()),
        })
        .collect()
}
