//! GKE itself: what goes on behind the rows. It follows the world, so that what a killed embedded cloud
//! left undone goes on when it is started again.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::faults::Effect;
use crate::gcp::groups;
use crate::gcp::kubernetes::{Ranges, Running};
use crate::sim::Sim;
use crate::world::{GkeCluster, GkeOperationStatus, InstanceStatus};

/// How often what waits for something that is no change of the world looks again.
const LOOK: Duration = Duration::from_millis(50);

/// GKE.
pub struct Gke {
    /// The embedded cloud.
    pub sim: Arc<Sim>,
    inner: Mutex<Inner>,
    /// Taken by whoever starts or stops clusters.
    opening: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Inner {
    running: HashMap<u64, Arc<Running>>,
    /// Operations that a task works on.
    driven: HashSet<u64>,
    /// Instances that a task takes up or down.
    tended: HashSet<u64>,
    /// Instances that have joined since the embedded cloud was started.
    joined: HashSet<u64>,
}

impl Gke {
    /// Makes it; see [`Gke::start`].
    pub fn new(sim: Arc<Sim>) -> Arc<Self> {
        Arc::new(Self { sim, inner: Mutex::default(), opening: tokio::sync::Mutex::default() })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts following the world.
    pub fn start(self: &Arc<Self>) {
        let this = self.clone();
        tokio::spawn(async move {
            let mut changed = this.sim.world.changed();
            loop {
                changed.mark_unchanged();
                this.follow().await;
                tokio::select! {
                    () = this.sim.stop.cancelled() => return,
                    result = changed.changed() => if result.is_err() { return },
                }
            }
        });
        tokio::spawn(super::autonomy::run(self.clone()));
    }

    /// Returns the Kubernetes of a cluster, if it runs.
    pub fn running(&self, cluster: u64) -> Option<Arc<Running>> {
        self.lock().running.get(&cluster).cloned()
    }

    /// Brings the instances of all groups in line with their sizes.
    pub(super) fn settle(&self) {
        let (sim, account) = (&self.sim, &self.sim.gcp);
        sim.world.write(|w| {
            groups::settle(w, account, |group| sim.faults.lasts(group, Effect::Stockout))
        });
    }

    /// Brings what runs in line with the world.
    async fn follow(self: &Arc<Self>) {
        self.open_clusters().await;
        self.settle();
        let sim = &self.sim;
        let (operations, instances) = sim.world.read(|w| {
            let open = w.gke_operations.iter().filter(|o| o.status != GkeOperationStatus::Done);
            let operations: Vec<u64> = open.map(|o| o.seq).collect();
            let instances: Vec<(u64, InstanceStatus)> =
                w.instances.iter().map(|one| (one.seq, one.status)).collect();
            (operations, instances)
        });
        for operation in operations {
            if self.lock().driven.insert(operation) {
                let this = self.clone();
                let stop = sim.stop.clone();
                tokio::spawn(async move {
                    stop.run_until_cancelled(this.drive(operation)).await;
                    this.lock().driven.remove(&operation);
                });
            }
        }
        for (instance, status) in instances {
            let due = match status {
                InstanceStatus::Running => !self.lock().joined.contains(&instance),
                InstanceStatus::Terminated => false,
                _ => true,
            };
            if due && self.lock().tended.insert(instance) {
                let this = self.clone();
                let stop = sim.stop.clone();
                tokio::spawn(async move {
                    let work = async {
                        let joined = this.tend(instance).await;
                        this.tended(instance, joined);
                        this.tell_stopping(instance).await;
                    };
                    stop.run_until_cancelled(work).await;
                });
            }
        }
    }

    /// Notes that no task works on an instance any more.
    fn tended(&self, instance: u64, joined: bool) {
        let mut inner = self.lock();
        inner.tended.remove(&instance);
        if joined {
            inner.joined.insert(instance);
        } else {
            inner.joined.remove(&instance);
        }
    }

    /// Looks again at an instance that was told to stop while a task was taking it up.
    async fn tell_stopping(self: &Arc<Self>, instance: u64) {
        let status = self.sim.world.read(|w| w.instances.get(instance).map(|one| one.status));
        if status == Some(InstanceStatus::Stopping) && self.lock().tended.insert(instance) {
            self.take_down(instance).await;
            self.lock().tended.remove(&instance);
        }
    }

    /// Starts clusters that are to run and don't, and stops those that are gone.
    async fn open_clusters(&self) {
        let _opening = self.opening.lock().await;
        let rows: Vec<Arc<GkeCluster>> =
            self.sim.world.read(|w| w.gke_clusters.iter().cloned().collect());
        let gone: Vec<Arc<Running>> = {
            let mut inner = self.lock();
            let is_there = |seq: u64| rows.iter().any(|row| row.seq == seq);
            let seqs: Vec<u64> =
                inner.running.keys().copied().filter(|seq| !is_there(*seq)).collect();
            seqs.iter().filter_map(|seq| inner.running.remove(seq)).collect()
        };
        for running in gone {
            running.stop();
        }
        for row in rows {
            if row.endpoint.is_some() && self.running(row.seq).is_none() {
                self.open(&row).await;
            }
        }
    }

    async fn open(&self, row: &GkeCluster) {
        let ranges = self.ranges(row);
        match Running::open(self.sim.clone(), row, ranges).await {
            Ok(running) => {
                self.lock().running.insert(row.seq, running);
            }
            Err(e) => tracing::error!("the cluster {} stays away: {e}", row.name),
        }
    }

    /// Returns the ranges of a cluster's pods and Services.
    fn ranges(&self, row: &GkeCluster) -> Ranges {
        let policy = &row.config["ipAllocationPolicy"];
        let range = |key: &str, default: [u8; 4], prefix: u8| {
            let text = policy[key].as_str().unwrap_or_default();
            text.parse().unwrap_or_else(|_| {
                let net = ipnet::Ipv4Net::new(default.into(), prefix);
                net.unwrap_or_default().into()
            })
        };
        Ranges {
            pods: range("clusterIpv4CidrBlock", [10, 4, 0, 0], 14),
            services: range("servicesIpv4CidrBlock", [34, 118, 224, 0], 20),
        }
    }

    /// Starts the control plane of a cluster again, as a new version of it does.
    pub(super) async fn reopen(&self, cluster: u64) {
        let _opening = self.opening.lock().await;
        let old = self.lock().running.remove(&cluster);
        if let Some(old) = old {
            old.stop();
            // Whoever holds its store lets go of it.
            tokio::time::sleep(LOOK).await;
        }
        if let Some(row) = self.sim.world.read(|w| w.gke_clusters.get(cluster).cloned()) {
            self.open(&row).await;
        }
    }

    /// Waits until something holds, but no longer than this (of Google's time). Returns true if it does.
    pub(super) async fn until(&self, most: Duration, mut holds: impl FnMut() -> bool) -> bool {
        let wait = async {
            while !holds() {
                tokio::time::sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = wait => true,
            () = self.pass(most) => false,
        }
    }

    /// Lets a span of Google's time pass.
    pub async fn pass(&self, span: Duration) {
        let pace = self.sim.settings.get().gke_pace.max(0.001);
        self.sim.clock.sleep(span.div_f64(pace)).await;
    }
}
