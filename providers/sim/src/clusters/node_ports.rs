//! What answers on the node ports of a cluster's Services: pods are simulated, so a line of HTTP.
//!
//! Load balancers and their health checks reach it through the table of services on machines.

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::header::HOST;
use infra_sim_kube::{Resource, Store};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use async_trait::async_trait;

use super::ingress_tls::{self, Door};
use super::running::Running;
use crate::net::Net;

/// Changes come in bursts (a rollout): they are gathered for this long.
const GATHER: Duration = Duration::from_millis(50);

/// A node port that something answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Open {
    /// `namespace/name`.
    pub service: String,
    pub node_port: u16,
    /// Nodes that answer; `None` for all.
    pub nodes: Option<Vec<String>>,
}

/// A cluster whose nodes are machines of this cloud.
#[async_trait]
pub trait Machines: Send + Sync {
    /// Returns its objects.
    fn store(&self) -> &Store;
    /// Returns the table of services on machines.
    fn net(&self) -> &Net;
    /// Lists the machines of these nodes that run; of all nodes for `None`.
    async fn machines(&self, nodes: Option<&[String]>) -> Vec<u64>;
}

#[async_trait]
impl Machines for Running {
    fn store(&self) -> &Store {
        self.cluster.store()
    }

    fn net(&self) -> &Net {
        &self.sim.net
    }

    async fn machines(&self, nodes: Option<&[String]>) -> Vec<u64> {
        self.droplets(nodes).await
    }
}

/// Keeps the node ports of a cluster open as long as it runs.
pub async fn run(cluster: Arc<dyn Machines>, stop: CancellationToken) {
    let store = cluster.store().clone();
    let mut answering: HashMap<(String, u16), (SocketAddr, CancellationToken)> = HashMap::new();
    let mut registered: HashSet<(u64, u16)> = HashSet::new();
    let mut watch = store.watch_all(store.revision());
    loop {
        let wanted = open_ports(&store);
        answering.retain(|key, (_, token)| {
            let keep = wanted.iter().any(|w| (&w.service, w.node_port) == (&key.0, key.1));
            if !keep {
                token.cancel();
            }
            keep
        });
        let mut now = HashSet::new();
        for open in &wanted {
            let key = (open.service.clone(), open.node_port);
            if !answering.contains_key(&key) {
                match answer(&store, open, &stop).await {
                    Ok(started) => {
                        answering.insert(key.clone(), started);
                    }
                    Err(e) => {
                        tracing::warn!("node port {}: {e}", open.node_port);
                        continue;
                    }
                }
            }
            let Some((socket, _)) = answering.get(&key) else {
                continue;
            };
            for droplet in cluster.machines(open.nodes.as_deref()).await {
                cluster.net().register(droplet, open.node_port, *socket);
                now.insert((droplet, open.node_port));
            }
        }
        for (droplet, port) in registered.difference(&now) {
            cluster.net().unregister(*droplet, *port);
        }
        registered = now;
        if stop.run_until_cancelled(next_change(&store, &mut watch)).await.is_none() {
            for (droplet, port) in registered {
                cluster.net().unregister(droplet, port);
            }
            return;
        }
    }
}

/// Waits for a change of a Service, its endpoints or a node, and a little longer.
async fn next_change(store: &Store, watch: &mut infra_sim_kube::WatchStream) {
    loop {
        match watch.next().await {
            Ok(event) => {
                let kind = event.object["kind"].as_str().unwrap_or_default();
                if matches!(kind, "Service" | "EndpointSlice" | "Node") {
                    break;
                }
            }
            Err(_) => {
                *watch = store.watch_all(store.revision());
                break;
            }
        }
    }
    tokio::time::sleep(GATHER).await;
}

/// Lists the node ports that have something ready behind them.
fn open_ports(store: &Store) -> Vec<Open> {
    let (services, _) = store.list(&Resource::new("", "v1", "services"), None);
    let mut open = Vec::new();
    let mut slices: Option<Vec<Arc<Value>>> = None;
    for service in &services {
        let ports: Vec<u16> = service["spec"]["ports"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|p| u16::try_from(p["nodePort"].as_u64()?).ok())
            .filter(|p| *p != 0)
            .collect();
        if ports.is_empty() {
            continue;
        }
        let slices = slices.get_or_insert_with(|| {
            store.list(&Resource::new("discovery.k8s.io", "v1", "endpointslices"), None).0
        });
        let (name, ns) = (&service["metadata"]["name"], &service["metadata"]["namespace"]);
        let ready = ready_nodes(slices, ns, name);
        if ready.is_empty() {
            continue;
        }
        let local = service["spec"]["externalTrafficPolicy"] == "Local";
        for node_port in ports {
            open.push(Open {
                service: format!(
                    "{}/{}",
                    ns.as_str().unwrap_or_default(),
                    name.as_str().unwrap_or_default()
                ),
                node_port,
                nodes: local.then(|| ready.clone()),
            });
        }
    }
    open
}

/// Lists the nodes with ready endpoints of a Service.
pub(super) fn ready_nodes(slices: &[Arc<Value>], ns: &Value, service: &Value) -> Vec<String> {
    slices
        .iter()
        .filter(|s| {
            &s["metadata"]["namespace"] == ns
                && &s["metadata"]["labels"]["kubernetes.io/service-name"] == service
        })
        .filter_map(|s| s["endpoints"].as_array())
        .flatten()
        .filter(|e| e["conditions"]["ready"] != false)
        .map(|e| e["nodeName"].as_str().unwrap_or_default().to_owned())
        .collect()
}

/// Answers every request: see [`super::ingress`].
async fn answer(
    store: &Store,
    open: &Open,
    stop: &CancellationToken,
) -> std::io::Result<(SocketAddr, CancellationToken)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let token = stop.child_token();
    let (service, port) = (open.service.clone(), open.node_port);
    let door = Door::new(store.clone(), service.clone(), port);
    let store = store.clone();
    let app = Router::new().fallback(move |request: Request| {
        let host = request.headers().get(HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| request.uri().host()).unwrap_or_default();
        let answer = super::ingress::answer(&store, &service, host, request.uri().path());
        async move { answer }
    });
    tokio::spawn(ingress_tls::serve(listener, door, app, token.clone()));
    Ok((address, token))
}
