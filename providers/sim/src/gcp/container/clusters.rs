//! `projects/P/locations/L/clusters`.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};

use super::view::{Viewer, cluster_etag, label_fingerprint, place};
use super::{create, create_pool, defaults, find, locks, schema, updates};
use crate::faults::Effect;
use crate::gcp::Gcp;
use crate::gcp::http::{Call, Refusal, Reply, Routes};
use crate::gcp::places;
use crate::world::{GkeCluster, GkeOperation, GkeWork, State};

const ALL: &str = "/v1/projects/{project}/locations/{location}/clusters";
const ONE: &str = "/v1/projects/{project}/locations/{location}/clusters/{cluster}";

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    routes.get(ALL, list);
    routes.post(ALL, make);
    routes.get(ONE, show);
    routes.delete(ONE, delete);
    routes.add(Method::PUT, ONE, update);
    routes.post(
        "/v1/projects/{project}/locations/{location}/clusters/{cluster}:setResourceLabels",
        set_labels,
    );
    routes.post(
        "/v1/projects/{project}/locations/{location}/clusters/{cluster}:setMaintenancePolicy",
        set_maintenance,
    );
}

impl Gcp {
    /// Returns who an answer is for.
    pub fn viewer(&self, call: &Call) -> Viewer<'_> {
        Viewer { account: self.account(), numbers: call.enums_as_numbers() }
    }

    /// Begins an operation on a cluster, or on this pool of it, if nothing stands in the way.
    pub(super) fn begin(
        &self,
        w: &mut State,
        row: &GkeCluster,
        kind: Option<&str>,
        work: GkeWork,
    ) -> Result<GkeOperation, Refusal> {
        let quota = self.sim().limits.get().gke_operations as usize;
        locks::check(w, &self.account().project, row, work.pool(), quota)?;
        Ok(locks::begin(w, row, kind, work))
    }
}

async fn list(gcp: Arc<Gcp>, call: Call) -> Reply {
    let location = find::location(&call, true)?;
    let lost = call.meets(Effect::MissingZones);
    let viewer = gcp.viewer(&call);
    let stale = call.stale();
    let mut out = json!({});
    let (clusters, missing) = gcp.sim().world.read(|w| {
        let here = w
            .gke_clusters
            .iter()
            .filter(|row| location == "-" || row.location == location)
            .filter(|row| stale.is_none_or(|age| !w.gke_clusters.younger(row.seq, age)));
        let rows: Vec<_> = here.cloned().collect();
        let missing = rows.first().map(|row| row.location.clone()).filter(|_| lost);
        let shown: Vec<Value> = rows
            .iter()
            .filter(|row| Some(&row.location) != missing.as_ref())
            .map(|row| viewer.cluster(w, row))
            .collect();
        (shown, missing)
    });
    if !clusters.is_empty() {
        out["clusters"] = json!(clusters);
    }
    if lost {
        out["missingZones"] = json!([missing.unwrap_or_else(|| "us-central1-a".to_owned())]);
    }
    Ok(out)
}

async fn show(gcp: Arc<Gcp>, call: Call) -> Reply {
    let viewer = gcp.viewer(&call);
    gcp.sim().world.read(|w| {
        let row = find::cluster(&gcp, w, &call)?;
        Ok(viewer.cluster(w, &row))
    })
}

async fn make(gcp: Arc<Gcp>, call: Call) -> Reply {
    let location = find::location(&call, false)?.to_owned();
    let body = schema::read("CreateClusterRequest", &call.bytes)?;
    let config = body["cluster"].clone();
    if !config.is_object() {
        return Err(Refusal::invalid("Cluster must be set."));
    }
    let viewer = gcp.viewer(&call);
    let operation = gcp.sim().world.write(|w| {
        let name = config["name"].as_str().unwrap_or_default();
        if w.gke_clusters.by_id(&format!("{location}/{name}")).is_some() {
            let project = &gcp.account().project;
            return Err(Refusal::exists(format!(
                "Already exists: projects/{project}/{}/clusters/{name}.",
                place(&location)
            )));
        }
        let (row, pools) = create::cluster(w, gcp.account(), &location, config.clone())?;
        for pool in &pools {
            create_pool::check_account(w, &pool.config, call.meets(Effect::NotYet))?;
        }
        quota(&gcp, w, &row, &pools)?;
        w.gke_clusters.put(row.clone());
        for pool in pools {
            w.gke_pools.put(pool);
        }
        Ok(locks::begin(w, &row, Some("CREATE_CLUSTER"), GkeWork::CreateCluster))
    })?;
    Ok(viewer.operation(&operation))
}

/// Checks that the region has vCPUs left for the pools' first nodes.
pub(super) fn quota(
    gcp: &Gcp,
    w: &State,
    row: &GkeCluster,
    pools: &[crate::world::GkePool],
) -> Result<(), Refusal> {
    let region = match places::is_region(&row.location) {
        true => row.location.as_str(),
        false => places::region_of(&row.location),
    };
    let wanted: u64 = pools
        .iter()
        .map(|pool| {
            let count = pool.config["initialNodeCount"].as_u64().unwrap_or(0);
            let machine = pool.config["config"]["machineType"].as_str().unwrap_or_default();
            let (vcpus, _) = crate::gcp::groups::machine_types::capacity(machine);
            count * pool.targets.len() as u64 * u64::from(vcpus)
        })
        .sum();
    crate::gcp::groups::check_cpus(gcp, w, region, wanted)
}

async fn delete(gcp: Arc<Gcp>, call: Call) -> Reply {
    let viewer = gcp.viewer(&call);
    let operation = gcp.sim().world.write(|w| {
        let row = find::cluster(&gcp, w, &call)?;
        gcp.begin(w, &row, Some("DELETE_CLUSTER"), GkeWork::DeleteCluster)
    })?;
    Ok(viewer.operation(&operation))
}

/// Checks the tag of a change, if one was sent.
pub(super) fn check_etag(sent: &Value, current: &str) -> Result<(), Refusal> {
    match sent.as_str().filter(|etag| !etag.is_empty()) {
        Some(etag) if etag != current => Err(Refusal::aborted(format!(
            "The etag provided ({etag}) does not match the current etag ({current}). Please retry with the current etag."
        ))),
        _ => Ok(()),
    }
}

async fn update(gcp: Arc<Gcp>, call: Call) -> Reply {
    let body = schema::read("UpdateClusterRequest", &call.bytes)?;
    let viewer = gcp.viewer(&call);
    let operation = gcp.sim().world.write(|w| {
        let row = find::cluster(&gcp, w, &call)?;
        let update = &body["update"];
        check_etag(&update["etag"], &cluster_etag(&row))?;
        let (kind, work) = updates::work(w, &row, update)?;
        gcp.begin(w, &row, Some(kind), work)
    })?;
    Ok(viewer.operation(&operation))
}

async fn set_labels(gcp: Arc<Gcp>, call: Call) -> Reply {
    let body = schema::read("SetLabelsRequest", &call.bytes)?;
    let viewer = gcp.viewer(&call);
    let labels: BTreeMap<String, String> = body["resourceLabels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect();
    check_labels(&labels)?;
    let operation = gcp.sim().world.write(|w| {
        let row = find::cluster(&gcp, w, &call)?;
        let current = label_fingerprint(&row);
        if body["labelFingerprint"].as_str() != Some(&current) {
            return Err(Refusal::condition_not_met(
                "Labels could not be set due to fingerprint mismatch. Please try again with the latest fingerprint.",
            ));
        }
        gcp.begin(w, &row, Some("SET_LABELS"), GkeWork::SetLabels(labels))
    })?;
    Ok(viewer.operation(&operation))
}

/// Checks the characters and the number of labels.
///
/// # Errors
/// Returns 400 that names the first that is none.
pub(super) fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let fits = |text: &str| {
        text.chars().count() <= 63
            && text
                .chars()
                .all(|c| (c.is_alphanumeric() && !c.is_uppercase()) || c == '-' || c == '_')
    };
    let is_label = |(key, value): &(&String, &String)| {
        fits(key) && fits(value) && key.chars().next().is_some_and(char::is_alphabetic)
    };
    if let Some((key, value)) = labels.iter().find(|label| !is_label(label)) {
        return Err(Refusal::invalid(format!(
            "Invalid label \"{key}={value}\": keys and values can contain only lowercase letters, numeric characters, underscores, and dashes, and at most 63 of them."
        )));
    }
    if labels.len() > 64 {
        return Err(Refusal::invalid("At most 64 labels can be set."));
    }
    Ok(())
}

async fn set_maintenance(gcp: Arc<Gcp>, call: Call) -> Reply {
    let body = schema::read("SetMaintenancePolicyRequest", &call.bytes)?;
    let viewer = gcp.viewer(&call);
    let operation = gcp.sim().world.write(|w| {
        let row = find::cluster(&gcp, w, &call)?;
        let mut next = json!({"maintenancePolicy": body["maintenancePolicy"]});
        let sent = next["maintenancePolicy"]["resourceVersion"].as_str().unwrap_or_default();
        let current = &row.config["maintenancePolicy"];
        if !sent.is_empty() && current["resourceVersion"] != sent {
            return Err(Refusal::aborted(
                "The resourceVersion of the maintenance policy is not the current one.",
            ));
        }
        defaults::maintenance(&mut next);
        let policy = updates::whole(current, &next["maintenancePolicy"]);
        let change = json!({"maintenancePolicy": policy});
        gcp.begin(w, &row, Some("UPDATE_CLUSTER"), GkeWork::UpdateCluster(change))
    })?;
    Ok(viewer.operation(&operation))
}
