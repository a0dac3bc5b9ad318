//! Clusters, pools and operations as answers show them.

use std::net::SocketAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{schema, versions};
use crate::gcp::account::GcpAccount;
use crate::gcp::groups::{self, names};
use crate::gcp::places;
use crate::world::{GkeCluster, GkeOperation, GkeOperationStatus, GkePool, State};

/// Who the answers are for.
pub struct Viewer<'a> {
    /// The project.
    pub account: &'a GcpAccount,
    /// Whether enums are to be numbers.
    pub numbers: bool,
}

/// Returns where a cluster is, as answers spell it: zonal ones are below `zones`.
pub fn place(location: &str) -> String {
    let kind = if places::is_zone(location) { "zones" } else { "locations" };
    format!("{kind}/{location}")
}

/// Writes a time.
pub fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S.%9fZ").to_string()
}

/// Makes a short tag of what changes.
pub fn etag(what: &str, seq: u64, revision: u64) -> String {
    let digest = Sha256::digest(format!("{what}/{seq}/{revision}"));
    STANDARD.encode(&digest[..8])
}

/// Returns the tag of a cluster.
pub fn cluster_etag(row: &GkeCluster) -> String {
    etag("cluster", row.seq, row.revision)
}

/// Returns the fingerprint of a cluster's labels.
pub fn label_fingerprint(row: &GkeCluster) -> String {
    etag("labels", row.seq, row.labels_revision)[..8].to_owned()
}

/// Returns the tag of a pool.
pub fn pool_etag(row: &GkePool) -> String {
    etag("pool", row.seq, row.revision)
}

/// Writes the address of an API server: with its port where that is not the usual one.
pub fn address(endpoint: SocketAddr) -> String {
    match endpoint.port() {
        443 => endpoint.ip().to_string(),
        _ => endpoint.to_string(),
    }
}

impl Viewer<'_> {
    fn link(&self, location: &str, rest: &str) -> String {
        let project = &self.account.project;
        format!("https://container.googleapis.com/v1/projects/{project}/{}/{rest}", place(location))
    }

    /// Shows a cluster with its pools.
    pub fn cluster(&self, w: &State, row: &GkeCluster) -> Value {
        let mut out = row.config.clone();
        let pools: Vec<&GkePool> = w.gke_pools.by_group(row.seq).map(|pool| &**pool).collect();
        let nodes = w.instances.by_group(row.seq).count();
        out["name"] = json!(row.name);
        out["id"] = json!(row.uid);
        out["location"] = json!(row.location);
        out["zone"] = json!(row.location);
        out["status"] = json!(row.status);
        out["selfLink"] = json!(self.link(&row.location, &format!("clusters/{}", row.name)));
        out["createTime"] = json!(row.created_at.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string());
        out["initialClusterVersion"] = json!(row.initial_version);
        out["currentMasterVersion"] = json!(row.version);
        out["currentNodeVersion"] =
            json!(node_version(&pools).unwrap_or_else(|| row.version.clone()));
        out["currentNodeCount"] = json!(nodes);
        out["etag"] = json!(cluster_etag(row));
        out["labelFingerprint"] = json!(label_fingerprint(row));
        out["conditions"] = json!(row.conditions);
        if !row.ca_cert_pem.is_empty() {
            out["masterAuth"]["clusterCaCertificate"] = json!(STANDARD.encode(&row.ca_cert_pem));
        }
        if let Some(endpoint) = row.endpoint {
            let address = address(endpoint);
            out["endpoint"] = json!(address);
            out["privateClusterConfig"]["publicEndpoint"] = json!(address);
            out["privateClusterConfig"]["privateEndpoint"] = json!("172.16.0.2");
            let ips = &mut out["controlPlaneEndpointsConfig"]["ipEndpointsConfig"];
            ips["publicEndpoint"] = json!(address);
            ips["privateEndpoint"] = json!("172.16.0.2");
        }
        out["controlPlaneEndpointsConfig"]["dnsEndpointConfig"]["endpoint"] =
            json!(format!("gke-{}-{}.{}.gke.goog", row.hash, self.account.number, row.location));
        if let Some(first) = pools.first() {
            out["nodeConfig"] = first.config["config"].clone();
            out["initialNodeCount"] = first.config["initialNodeCount"].clone();
        }
        let urls: Vec<Value> =
            pools.iter().flat_map(|pool| self.group_urls(row, pool)).map(Value::from).collect();
        out["instanceGroupUrls"] = json!(urls);
        out["nodePools"] =
            pools.iter().map(|pool| self.pool_fields(row, pool, false)).collect::<Vec<_>>().into();
        schema::show("Cluster", out, self.numbers)
    }

    /// Shows a pool by itself.
    pub fn pool(&self, row: &GkeCluster, pool: &GkePool) -> Value {
        schema::show("NodePool", self.pool_fields(row, pool, true), self.numbers)
    }

    fn pool_fields(&self, row: &GkeCluster, pool: &GkePool, _alone: bool) -> Value {
        let mut out = pool.config.clone();
        out["name"] = json!(pool.name);
        out["status"] = json!(pool.status);
        out["version"] = json!(pool.version);
        out["etag"] = json!(pool_etag(pool));
        out["conditions"] = json!(pool.conditions);
        if let Some(first) = pool.conditions.first().filter(|_| pool.status != "RUNNING") {
            out["statusMessage"] = first["message"].clone();
        }
        let rest = format!("clusters/{}/nodePools/{}", row.name, pool.name);
        out["selfLink"] = json!(self.link(&row.location, &rest));
        out["instanceGroupUrls"] = json!(self.group_urls(row, pool));
        out
    }

    fn group_urls(&self, row: &GkeCluster, pool: &GkePool) -> Vec<String> {
        let zones = pool.targets.keys();
        let url = |zone: &String| {
            let group = names::group(row, pool, zone);
            format!(
                "{}/projects/{}/zones/{zone}/instanceGroupManagers/{group}",
                groups::BASE,
                self.account.project
            )
        };
        zones.map(url).collect()
    }

    /// Shows an operation.
    pub fn operation(&self, row: &GkeOperation) -> Value {
        let number = self.account.number;
        let base = format!(
            "https://container.googleapis.com/v1/projects/{number}/{}",
            place(&row.location)
        );
        let mut target = format!("{base}/clusters/{}", row.cluster_name);
        if let Some(pool) = row.work.pool() {
            target = format!("{target}/nodePools/{pool}");
        }
        let mut out = json!({
            "name": row.name,
            "operationType": row.kind,
            "selfLink": format!("{base}/operations/{}", row.name),
            "targetLink": target,
            "startTime": time(row.started_at),
            "status": row.status,
            "zone": row.location,
            "location": row.location,
            "detail": row.detail,
            "progress": progress(row),
        });
        if let Some(ended) = row.ended_at {
            out["endTime"] = json!(time(ended));
        }
        if let Some(error) = &row.error {
            out["error"] = error.clone();
            out["statusMessage"] = error["message"].clone();
        }
        schema::show("Operation", out, self.numbers)
    }
}

/// Returns the version of the nodes of all pools; with a star if they differ.
fn node_version(pools: &[&GkePool]) -> Option<String> {
    let oldest = pools.iter().map(|pool| &pool.version).min_by_key(|v| versions::numbers(v))?;
    let differ = pools.iter().any(|pool| pool.version != *oldest);
    Some(if differ { format!("{oldest}*") } else { oldest.clone() })
}

fn progress(row: &GkeOperation) -> Value {
    if row.status == GkeOperationStatus::Pending {
        return Value::Null;
    }
    let names: &[(&str, u64)] = match row.kind.as_deref() {
        Some("CREATE_CLUSTER") => {
            &[("CLUSTER_CONFIGURING", 8), ("CLUSTER_DEPLOYING", 12), ("CLUSTER_HEALTHCHECKING", 2)]
        }
        Some("UPGRADE_NODES" | "AUTO_UPGRADE_NODES" | "UPDATE_CLUSTER") => &[("NODES_DONE", 100)],
        _ => return Value::Null,
    };
    let all: u64 = names.iter().map(|(_, steps)| steps).sum();
    let mut done = all * u64::from(row.percent.min(100)) / 100;
    let metrics: Vec<Value> = names
        .iter()
        .flat_map(|(name, steps)| {
            let now = done.min(*steps);
            done -= now;
            [
                json!({"name": name, "intValue": now.to_string()}),
                json!({"name": format!("{name}_TOTAL"), "intValue": steps.to_string()}),
            ]
        })
        .collect();
    json!({"metrics": metrics})
}
