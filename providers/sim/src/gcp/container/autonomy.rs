//! What GKE does of its own accord: it repairs, upgrades and scales, and its operations stand in the way of
//! others'.

use std::sync::Arc;
use std::time::Duration;

use super::gke::Gke;
use super::{locks, versions};
use crate::faults::Effect;
use crate::world::{GkeCluster, GkePool, GkeWork, Instance, InstanceStatus, State};

/// How often it looks, in real time.
const EVERY: Duration = Duration::from_millis(200);
/// How long a node may be broken until it is repaired, in Google's time.
const REPAIR_AFTER: Duration = Duration::from_secs(600);

/// Looks at all clusters as long as the embedded cloud runs.
pub async fn run(gke: Arc<Gke>) {
    let mut broken: std::collections::HashMap<u64, tokio::time::Instant> = Default::default();
    while gke.sim.stop.run_until_cancelled(tokio::time::sleep(EVERY)).await.is_some() {
        kill(&gke);
        let (clusters, pools) = gke.sim.world.read(|w| {
            let clusters: Vec<Arc<GkeCluster>> = w.gke_clusters.iter().cloned().collect();
            let pools: Vec<Arc<GkePool>> = w.gke_pools.iter().cloned().collect();
            (clusters, pools)
        });
        for cluster in clusters.iter().filter(|row| row.status == "RUNNING") {
            move_master(&gke, cluster);
            for pool in pools.iter().filter(|pool| pool.cluster == cluster.seq) {
                upgrade(&gke, cluster, pool);
                scale(&gke, cluster, pool);
                recover(&gke, pool);
            }
        }
        repair(&gke, &mut broken);
        if pools.iter().any(|pool| !pool.stockouts.is_empty()) {
            // That a zone has machines again is no change of the world.
            gke.settle();
        }
    }
}

/// Lets instances die that are to.
fn kill(gke: &Gke) {
    if !gke.sim.faults.list().iter().any(|set| set.fault.effect == Effect::Dies) {
        return;
    }
    let running: Vec<Arc<Instance>> = gke.sim.world.read(|w| {
        w.instances.iter().filter(|one| one.status == InstanceStatus::Running).cloned().collect()
    });
    for one in running {
        if gke.sim.faults.machine(&one.name, Effect::Dies) {
            gke.dies(one.seq);
        }
    }
}

/// Begins an operation of GKE's own, if nothing stands in its way.
fn begin(gke: &Gke, w: &mut State, cluster: &GkeCluster, kind: &str, work: GkeWork) -> bool {
    let project = &gke.sim.gcp.project;
    let quota = gke.sim.limits.get().gke_operations as usize;
    let may = locks::check(w, project, cluster, work.pool(), quota).is_ok();
    if may {
        locks::begin(w, cluster, Some(kind), work);
    }
    may
}

/// Returns true if a fault asks for this now; it counts only if it can be done.
fn asked(gke: &Gke, name: &str, effect: Effect) -> bool {
    gke.sim.faults.lasts(name, effect)
}

fn move_master(gke: &Gke, cluster: &GkeCluster) {
    if !asked(gke, &cluster.name, Effect::MovesMaster) {
        return;
    }
    let channel = cluster.config["releaseChannel"]["channel"].as_str().unwrap_or_default();
    let Some(next) = versions::next(&cluster.version, channel) else { return };
    let work = GkeWork::UpgradeMaster(next.to_owned());
    let is_free = gke.sim.world.read(|w| w.gke_operations.by_group(cluster.seq).next().is_none());
    if is_free && gke.sim.faults.machine(&cluster.name, Effect::MovesMaster) {
        gke.sim.world.write(|w| begin(gke, w, cluster, "UPGRADE_MASTER", work));
    }
}

fn upgrade(gke: &Gke, cluster: &GkeCluster, pool: &GkePool) {
    let name = format!("{}/{}", cluster.name, pool.name);
    if !asked(gke, &name, Effect::UpgradesPool) || !is_free(gke, pool) {
        return;
    }
    if gke.sim.faults.machine(&name, Effect::UpgradesPool) {
        gke.sim.world.write(|w| {
            // The same version again replaces the nodes, too, as a new node image does.
            w.gke_pools.modify(pool.seq, |pool| pool.template += 1);
            let work = GkeWork::UpgradePool(pool.name.clone(), cluster.version.clone());
            begin(gke, w, cluster, "AUTO_UPGRADE_NODES", work)
        });
    }
}

fn is_free(gke: &Gke, pool: &GkePool) -> bool {
    gke.sim.world.read(|w| {
        let mut open = w.gke_operations.by_group(pool.cluster);
        open.all(|one| one.work.pool().is_some_and(|other| other != pool.name))
    })
}

/// Moves a pool's size by one, as its autoscaler does: no operation of GKE's tells it.
fn scale(gke: &Gke, cluster: &GkeCluster, pool: &GkePool) {
    let name = format!("{}/{}", cluster.name, pool.name);
    for (effect, up) in [(Effect::ScalesUp, true), (Effect::ScalesDown, false)] {
        let bounds = &pool.config["autoscaling"];
        if bounds["enabled"] != true || !asked(gke, &name, effect) || !is_free(gke, pool) {
            continue;
        }
        let number = |key: &str| bounds[key].as_u64().unwrap_or(0);
        let total: u64 = pool.targets.values().map(|n| u64::from(*n)).sum();
        let zones = pool.targets.len() as u64;
        let (min, max) = match number("totalMaxNodeCount") {
            0 => (number("minNodeCount") * zones, number("maxNodeCount") * zones),
            max => (number("totalMinNodeCount"), max),
        };
        let fits = if up { total < max } else { total > min };
        if !fits || !gke.sim.faults.machine(&name, effect) {
            continue;
        }
        gke.sim.world.write(|w| {
            w.gke_pools.modify(pool.seq, |pool| {
                let mut targets: Vec<&mut u32> = pool.targets.values_mut().collect();
                targets.sort();
                if up && let Some(least) = targets.first_mut() {
                    **least += 1;
                } else if !up && let Some(most) = targets.last_mut() {
                    **most = most.saturating_sub(1);
                }
            })
        });
    }
}

/// Calls a pool healthy again once all its nodes are.
fn recover(gke: &Gke, pool: &GkePool) {
    if pool.status == "RUNNING_WITH_ERROR" && gke.is_complete(pool) {
        gke.change_pool(pool.cluster, &pool.name, |pool| {
            "RUNNING".clone_into(&mut pool.status);
            pool.conditions.clear();
        });
    }
}

/// Repairs nodes that have been broken for long, in pools that say so.
fn repair(gke: &Gke, broken: &mut std::collections::HashMap<u64, tokio::time::Instant>) {
    let dead: Vec<Arc<Instance>> = gke.sim.world.read(|w| {
        w.instances.iter().filter(|one| one.status == InstanceStatus::Terminated).cloned().collect()
    });
    broken.retain(|seq, _| dead.iter().any(|one| one.seq == *seq));
    let pace = gke.sim.settings.get().gke_pace.max(0.001);
    let patience = gke.sim.clock.scale(REPAIR_AFTER.div_f64(pace));
    for one in dead {
        let since = *broken.entry(one.seq).or_insert_with(tokio::time::Instant::now);
        if since.elapsed() < patience {
            continue;
        }
        gke.sim.world.write(|w| {
            let Some(cluster) = w.gke_clusters.get(one.cluster).cloned() else { return };
            let key = format!("{}/{}", one.cluster, one.pool);
            let repairs = w
                .gke_pools
                .by_id(&key)
                .is_some_and(|pool| pool.config["management"]["autoRepair"] == true);
            if repairs {
                let work = GkeWork::RepairPool(one.pool.clone(), one.name.clone());
                begin(gke, w, &cluster, "AUTO_REPAIR_NODES", work);
            }
        });
    }
}
