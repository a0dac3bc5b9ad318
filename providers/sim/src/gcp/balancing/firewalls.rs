//! The firewalls that GKE itself keeps for a cluster, as long as there is one.

use std::sync::Arc;

use infra_sim_kube::CloudError;
use serde_json::{Value, json};

use super::cluster::Cluster;
use super::make::{ensure, link};
use crate::gcp::compute::take_away;
use crate::world::{GkeCluster, State as World};

/// The last parts of their names.
const PARTS: [&str; 4] = ["all", "exkubelet", "inkubelet", "vms"];

fn name(row: &GkeCluster, part: &str) -> String {
    let short: String = row.name.chars().take(30).collect();
    format!("gke-{short}-{}-{part}", row.hash)
}

/// Makes them: pods reach everything in the cluster, kubelets are reached from inside only.
///
/// # Errors
/// Returns an error if the network is not there.
pub fn put(w: &mut World, project: &str, row: &Arc<GkeCluster>) -> Result<(), CloudError> {
    let cluster = Cluster::of(project, row);
    if w.gcp_resources.by_id(&cluster.network).is_none() {
        return Ok(());
    }
    let pods = if cluster.pods.is_empty() { "10.0.0.0/8" } else { &cluster.pods };
    let all = ["tcp", "udp", "icmp", "esp", "ah", "sctp"];
    let allow = |protocols: &[&str]| -> Value {
        protocols.iter().map(|p| json!({ "IPProtocol": p })).collect()
    };
    let kubelet = json!([{ "IPProtocol": "tcp", "ports": ["10255"] }]);
    for part in PARTS {
        let mut rule = json!({
            "name": name(row, part),
            "network": link(&cluster.network),
            "targetTags": [cluster.tag],
        });
        match part {
            "all" => {
                rule["sourceRanges"] = json!([pods]);
                rule["allowed"] = allow(&all);
            }
            "exkubelet" => {
                rule["sourceRanges"] = json!(["0.0.0.0/0"]);
                rule["priority"] = json!(1000);
                rule["denied"] = kubelet.clone();
            }
            "inkubelet" => {
                rule["sourceRanges"] = json!([pods]);
                rule["sourceTags"] = json!([cluster.tag]);
                rule["priority"] = json!(999);
                rule["allowed"] = kubelet.clone();
            }
            _ => {
                rule["sourceTags"] = json!([cluster.tag]);
                rule["allowed"] = allow(&["icmp", "tcp", "udp"]);
            }
        }
        ensure(w, &cluster, "global", "firewalls", rule)?;
    }
    Ok(())
}

/// Takes them away.
pub fn forget(w: &mut World, project: &str, row: &GkeCluster) {
    for part in PARTS {
        take_away(w, &format!("projects/{project}/global/firewalls/{}", name(row, part)));
    }
}
