//! Keeps one listener for each forwarding rule of each active load balancer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::forward;
use super::status::ListenerStatus;
use crate::server::bind;
use crate::sim::Sim;
use crate::world::{LbStatus, LoadBalancer, mix};

/// All listeners of all load balancers.
pub struct Balancers {
    sim: Arc<Sim>,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    open: BTreeMap<Key, Open>,
    /// Load balancers (by order of creation) whose activation is under way.
    activating: BTreeSet<u64>,
}

/// (load balancer, entry port)
type Key = (u64, u16);

struct Open {
    ip: Ipv4Addr,
    target_port: u16,
    /// What it really listens on; the port differs when the entry port may not be bound.
    bound: Result<SocketAddr, String>,
    stop: CancellationToken,
}

impl Balancers {
    /// Starts following the world.
    pub fn start(sim: Arc<Sim>) -> Arc<Self> {
        let balancers = Arc::new(Self { sim, inner: Mutex::default() });
        tokio::spawn(balancers.clone().follow());
        balancers
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn follow(self: Arc<Self>) {
        let mut changed = self.sim.world.changed();
        loop {
            changed.mark_unchanged();
            self.clone().settle();
            tokio::select! {
                () = self.sim.stop.cancelled() => return,
                result = changed.changed() => if result.is_err() { return },
            }
        }
    }

    /// Brings listeners in line with the world.
    fn settle(self: Arc<Self>) {
        let all: Vec<Arc<LoadBalancer>> =
            self.sim.world.read(|w| w.load_balancers.iter().cloned().collect());
        let mut inner = self.lock();
        let mut wanted: BTreeSet<Key> = BTreeSet::new();
        for l in &all {
            if l.status == LbStatus::New && inner.activating.insert(l.seq) {
                tokio::spawn(self.clone().activate(l.seq));
            }
            if l.status != LbStatus::Active {
                continue;
            }
            for rule in l.forwarding_rules.iter().filter(|r| tcp(&r.entry_protocol)) {
                let key = (l.seq, rule.entry_port);
                wanted.insert(key);
                let same = inner
                    .open
                    .get(&key)
                    .is_some_and(|o| o.ip == l.ip && o.target_port == rule.target_port);
                if !same {
                    let old = inner.open.remove(&key);
                    let open = self.open(l, rule.entry_port, rule.target_port, old);
                    inner.open.insert(key, open);
                }
            }
        }
        inner.open.retain(|key, open| {
            let keep = wanted.contains(key);
            if !keep {
                open.stop.cancel();
            }
            keep
        });
    }

    fn open(&self, l: &LoadBalancer, port: u16, target_port: u16, old: Option<Open>) -> Open {
        if let Some(old) = old {
            old.stop.cancel();
        }
        let stop = self.sim.stop.child_token();
        let listener = bind(SocketAddr::from((l.ip, port))).or_else(|e| {
            // Not root: the load balancer is there all the same, on another port.
            tracing::info!("load balancer {}: {}:{port}: {e}", l.name, l.ip);
            bind(SocketAddr::from((l.ip, 0)))
        });
        let bound = match listener {
            Ok(listener) => {
                let address = listener.local_addr().map_err(|e| e.to_string());
                tokio::spawn(forward::run(
                    self.sim.clone(),
                    listener,
                    l.seq,
                    target_port,
                    stop.clone(),
                ));
                address
            }
            Err(e) => Err(e.to_string()),
        };
        Open { ip: l.ip, target_port, bound, stop }
    }

    /// Turns `new` into `active` a seeded moment later.
    async fn activate(self: Arc<Self>, seq: u64) {
        let millis = 300 + mix(self.sim.seed, "load_balancer", seq) % 700;
        self.sim.clock.sleep(Duration::from_millis(millis)).await;
        self.sim.world.write(|w| {
            if w.load_balancers.get(seq).is_some_and(|l| l.status == LbStatus::New) {
                w.load_balancers.modify(seq, |l| l.status = LbStatus::Active);
            }
        });
        self.lock().activating.remove(&seq);
    }

    /// Lists what listens where, for `/sim/status`.
    pub fn status(&self) -> Vec<ListenerStatus> {
        let names: BTreeMap<u64, Arc<LoadBalancer>> =
            self.sim.world.read(|w| w.load_balancers.iter().map(|l| (l.seq, l.clone())).collect());
        self.lock()
            .open
            .iter()
            .filter_map(|((seq, port), open)| {
                let l = names.get(seq)?;
                Some(ListenerStatus {
                    load_balancer: l.name.clone(),
                    id: l.id.clone(),
                    entry: format!("{}:{port}", open.ip),
                    listens_on: open.bound.as_ref().ok().map(ToString::to_string),
                    error: open.bound.as_ref().err().cloned(),
                    targets: forward::targets(&self.sim, *seq, open.target_port),
                })
            })
            .collect()
    }
}

/// Returns true for a protocol over TCP: UDP and HTTP/3 are not forwarded.
fn tcp(protocol: &str) -> bool {
    !["udp", "http3"].contains(&protocol)
}
