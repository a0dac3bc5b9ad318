//! The groups of instances that GKE makes: one for each zone of a pool.

use std::sync::Arc;

use serde_json::{Value, json};

use super::projects::zone_of;
use super::{BASE, names};
use crate::faults::Effect;
use crate::gcp::Gcp;
use crate::gcp::compute::{fingerprint, time};
use crate::gcp::http::{self, Call, Refusal, Reply, Routes};
use crate::world::{GkeCluster, GkePool, Instance, InstanceStatus, State, mix};

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    routes.get("/compute/v1/projects/{project}/aggregated/instanceGroupManagers", aggregated);
    routes.get("/compute/v1/projects/{project}/zones/{zone}/instanceGroupManagers", list);
    routes.get("/compute/v1/projects/{project}/zones/{zone}/instanceGroupManagers/{group}", show);
    routes.post(
        "/compute/v1/projects/{project}/zones/{zone}/instanceGroupManagers/{group}/listManagedInstances",
        managed,
    );
}

/// A group of a pool in a zone.
pub struct Group {
    /// The cluster.
    pub cluster: Arc<GkeCluster>,
    /// The pool.
    pub pool: Arc<GkePool>,
    /// The zone.
    pub zone: String,
}

impl Group {
    /// Returns the group's name.
    pub fn name(&self) -> String {
        names::group(&self.cluster, &self.pool, &self.zone)
    }

    /// Returns the begin of its instances' names.
    pub fn base(&self) -> String {
        names::base(&self.cluster, &self.pool, &self.zone)
    }

    /// Lists its instances, also those on their way out.
    pub fn instances<'a>(&'a self, w: &'a State) -> impl Iterator<Item = &'a Arc<Instance>> {
        w.instances
            .by_group(self.cluster.seq)
            .filter(|one| one.pool == self.pool.name && one.zone == self.zone)
    }

    fn target(&self) -> u32 {
        self.pool.targets.get(&self.zone).copied().unwrap_or(0)
    }

    fn view(&self, w: &State, project: &str) -> Value {
        let (name, base) = (self.name(), self.base());
        let zone = format!("{BASE}/projects/{project}/zones/{}", self.zone);
        let mut counts = json!({"none": 0, "creating": 0, "deleting": 0});
        let mut present = 0;
        for one in self.instances(w) {
            let action = action(one);
            let key = action.to_ascii_lowercase();
            counts[&key] = json!(counts[&key].as_u64().unwrap_or(0) + 1);
            present += u32::from(action != "DELETING");
        }
        let lacking = self.target().saturating_sub(present);
        if lacking > 0 {
            counts["creating"] =
                json!(counts["creating"].as_u64().unwrap_or(0) + u64::from(lacking));
        }
        let stable = counts["none"] == u64::from(self.target()) && counts["deleting"] == 0;
        json!({
            "kind": "compute#instanceGroupManager",
            "id": (mix(self.pool.seq, &self.zone, 0) >> 2).to_string(),
            "name": name,
            "creationTimestamp": time(self.cluster.created_at),
            "baseInstanceName": base,
            "currentActions": {
                "abandoning": 0, "creating": counts["creating"], "creatingWithoutRetries": 0,
                "deleting": counts["deleting"], "none": counts["none"], "recreating": 0,
                "refreshing": 0, "restarting": 0, "resuming": 0, "starting": 0, "stopping": 0,
                "suspending": 0, "verifying": 0,
            },
            "fingerprint": fingerprint(&json!([self.pool.revision, self.target()])),
            "instanceGroup": format!("{zone}/instanceGroups/{name}"),
            "instanceLifecyclePolicy": {
                "defaultActionOnFailure": "REPAIR", "forceUpdateOnRepair": "YES",
            },
            "instanceTemplate": format!("{BASE}/projects/{project}/global/instanceTemplates/{base}-{}", self.pool.template),
            "status": {"isStable": stable},
            "targetSize": self.target(),
            "updatePolicy": {
                "maxSurge": {"calculated": 1, "fixed": 1},
                "maxUnavailable": {"calculated": 1, "fixed": 1},
                "minimalAction": "REPLACE", "replacementMethod": "SUBSTITUTE", "type": "OPPORTUNISTIC",
            },
            "zone": zone,
            "selfLink": format!("{zone}/instanceGroupManagers/{name}"),
        })
    }
}

/// Returns what a group does with an instance.
fn action(one: &Instance) -> &'static str {
    match one.status {
        InstanceStatus::Provisioning | InstanceStatus::Staging => "CREATING",
        InstanceStatus::Stopping => "DELETING",
        InstanceStatus::Running | InstanceStatus::Terminated => "NONE",
    }
}

/// Lists all groups.
pub fn all(w: &State) -> Vec<Group> {
    w.gke_pools
        .iter()
        .filter_map(|pool| Some((w.gke_clusters.get(pool.cluster)?, pool)))
        .flat_map(|(cluster, pool)| {
            pool.targets.keys().map(move |zone| Group {
                cluster: cluster.clone(),
                pool: pool.clone(),
                zone: zone.clone(),
            })
        })
        .collect()
}

/// Finds the group of a path.
///
/// # Errors
/// Returns 404 in compute's words.
pub fn find(w: &State, call: &Call) -> Result<Group, Refusal> {
    let (zone, name) = (zone_of(call)?, call.value("group"));
    let found = all(w).into_iter().find(|group| group.zone == zone && group.name() == name);
    found.ok_or_else(|| {
        Refusal::no_resource(&format!(
            "projects/{}/zones/{zone}/instanceGroupManagers/{name}",
            call.project()
        ))
    })
}

async fn aggregated(gcp: Arc<Gcp>, call: Call) -> Reply {
    let items = gcp.sim().world.read(|w| {
        let view = |group: Group| (format!("zones/{}", group.zone), group.view(w, call.project()));
        all(w).into_iter().map(view).collect()
    });
    let kind = "compute#instanceGroupManagerAggregatedList";
    http::aggregated(&call, kind, BASE, "instanceGroupManagers", items)
}

async fn list(gcp: Arc<Gcp>, call: Call) -> Reply {
    let zone = zone_of(&call)?;
    let items = gcp.sim().world.read(|w| {
        let here = all(w).into_iter().filter(|group| group.zone == zone);
        here.map(|group| group.view(w, call.project())).collect()
    });
    http::list(&call, "compute#instanceGroupManagerList", BASE, items)
}

async fn show(gcp: Arc<Gcp>, call: Call) -> Reply {
    gcp.sim().world.read(|w| Ok(find(w, &call)?.view(w, call.project())))
}

async fn managed(gcp: Arc<Gcp>, call: Call) -> Reply {
    let project = call.project();
    let stale = call.stale();
    let items: Vec<Value> = gcp.sim().world.read(|w| {
        let group = find(w, &call)?;
        let zone = format!("{BASE}/projects/{project}/zones/{}", group.zone);
        let template =
            format!("{BASE}/projects/{project}/global/instanceTemplates/{}", group.base());
        let mut items: Vec<Value> = group
            .instances(w)
            .filter(|one| stale.is_none_or(|age| !w.instances.younger(one.seq, age)))
            .map(|one| {
                let mut out = json!({
                    "instance": format!("{zone}/instances/{}", one.name),
                    "name": one.name,
                    "id": one.id.to_string(),
                    "currentAction": action(one),
                    "version": {"instanceTemplate": format!("{template}-{}", one.template)},
                });
                // One that does not exist yet has no status.
                if one.status != InstanceStatus::Provisioning {
                    out["instanceStatus"] = json!(one.status);
                }
                out
            })
            .collect();
        if let Some(message) = group.pool.stockouts.get(&group.zone) {
            let have = u32::try_from(items.len()).unwrap_or(u32::MAX);
            for n in have..group.target() {
                let name = format!("{}-{n:04}", group.base());
                items.push(json!({
                    "instance": format!("{zone}/instances/{name}"), "name": name,
                    "currentAction": "CREATING",
                    "lastAttempt": {"errors": {"errors": [{
                        "code": "ZONE_RESOURCE_POOL_EXHAUSTED", "message": message,
                    }]}},
                    "version": {"instanceTemplate": format!("{template}-{}", group.pool.template)},
                }));
            }
        }
        Ok(items)
    })?;
    // Unlike other lists, this one names its items otherwise and has neither kind nor link.
    let (items, next) = http::page(&call, "maxResults", items)?;
    let mut out = json!({});
    if !items.is_empty() {
        out["managedInstances"] = json!(items);
    }
    if let Some(next) = next {
        out["nextPageToken"] = json!(next);
    }
    if call.meets(Effect::MissingZones) {
        out["warning"] =
            json!({"code": "UNREACHABLE", "message": "Some instances are unreachable."});
    }
    Ok(out)
}
