//! What stays of a cluster that is deleted: GKE takes its own away, and does not promise the rest.

use std::collections::BTreeSet;

use infra_sim_kube::Resource;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::gke::Gke;
use crate::gcp::balancing;
use crate::gcp::compute::{Kind, put};
use crate::world::{GcpState, GkeCluster, State, mix};

impl Gke {
    /// Takes away what GKE itself has made around a cluster. What its controllers have made may stay.
    pub(super) fn leave(&self, row: &GkeCluster) {
        let seeded = || mix(self.sim.seed, "leftovers", row.seq).is_multiple_of(2);
        let leaves = self.sim.settings.get().gke_leaves.unwrap_or_else(seeded);
        let project = &self.sim.gcp.project;
        let services = if leaves { self.balanced(row.seq) } else { Vec::new() };
        self.sim.world.write(|w| {
            balancing::remove_firewalls(w, project, row);
            if !leaves {
                balancing::remove_all(w, row.seq);
            }
            for (namespace, name) in services {
                endpoint_groups(w, project, row, &namespace, &name);
            }
        });
    }

    /// Lists the Services of type LoadBalancer, as namespace and name.
    fn balanced(&self, cluster: u64) -> Vec<(String, String)> {
        let Some(running) = self.running(cluster) else { return Vec::new() };
        let (all, _) = running.cluster.store().list(&Resource::new("", "v1", "services"), None);
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        all.iter()
            .filter(|one| one["spec"]["type"] == "LoadBalancer")
            .map(|one| (text(&one["metadata"]["namespace"]), text(&one["metadata"]["name"])))
            .collect()
    }
}

/// Leaves a group of endpoints of a Service in each zone that the cluster had nodes in.
fn endpoint_groups(w: &mut State, project: &str, row: &GkeCluster, namespace: &str, name: &str) {
    let Some(kind) = Kind::of("networkEndpointGroups") else { return };
    let zones: BTreeSet<String> =
        w.gke_pools.by_group(row.seq).flat_map(|pool| pool.targets.keys().cloned()).collect();
    let uid: String = row.uid.chars().take(8).collect();
    let digest = Sha256::digest(format!("{}/{namespace}/{name}", row.uid));
    let part = |text: &str| text.chars().take(16).collect::<String>();
    let (short_namespace, short_name) = (part(namespace), part(name));
    let group = format!("k8s2-{uid}-{short_namespace}-{short_name}-{}", hex::encode(&digest[..4]));
    let description = json!({
        "cluster-uid": row.uid, "namespace": namespace, "service-name": name, "port": "",
    });
    for zone in zones {
        let mut body = json!({
            "name": group, "description": description.to_string(),
            "networkEndpointType": "GCE_VM_IP",
            "network": row.config["networkConfig"]["network"],
            "subnetwork": row.config["networkConfig"]["subnetwork"],
        });
        let scope = format!("zones/{zone}");
        if let Err(refusal) = put(w, kind, project, &scope, &mut body, GcpState::Ready) {
            // One of an earlier time is as good.
            tracing::debug!("{group}: {}", refusal.message);
        }
    }
}
