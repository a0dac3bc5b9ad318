//! What must hold in a project of Google Cloud.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::SweepError;

/// Kinds that are recorded, and where the project lists them; what names one of them there.
const RECORDED: [(&str, &str, &str); 11] = [
    ("gke_cluster", "clusters", "name"),
    ("node_pool", "nodePools", "name"),
    ("network", "networks", "name"),
    ("subnet", "subnetworks", "name"),
    ("router", "routers", "name"),
    ("firewall", "firewalls", "name"),
    ("service_account", "serviceAccounts", "email"),
    ("iam_binding", "iamBindings", "member"),
    ("managed_zone", "managedZones", "name"),
    ("record", "rrsets", "name"),
    // Recorded while one is replaced, and no longer.
    ("instance", "", ""),
];
/// What infra makes, and marks with labels or in the description.
const OWNED: [&str; 6] =
    ["clusters", "managedZones", "networks", "subnetworks", "routers", "serviceAccounts"];
/// The least length of a number in hexadecimal digits that was drawn or hashed.
const DRAWN: usize = 8;

type Project = BTreeMap<String, Vec<Value>>;

/// Returns what names one thing in every project alike, with its state.
pub(super) fn name(kind: &str, one: &Value) -> String {
    let text = |key: &str| one[key].as_str().unwrap_or_default();
    match kind {
        "instances" => {
            format!("of {} in {} {}", slot(text("pool")), text("zone"), text("status"))
        }
        "nodePools" => format!("{} {} {}", slot(text("name")), text("status"), one["targets"]),
        "clusters" => format!("{} {}", text("name"), text("status")),
        "serviceAccounts" => common(local(text("email"))),
        "iamBindings" => format!("{} {}", text("role"), common(local(text("member")))),
        "rrsets" => format!("{} {} {}", text("type"), text("name"), one["ttl"]),
        "disks" => "of a claim".to_owned(),
        _ => common(text("name")),
    }
}

/// Returns a pool's name without its generation: a rotation that is begun again after it had ended is one more.
fn slot(pool: &str) -> &str {
    pool.split("-g").next().unwrap_or(pool)
}

/// Returns a name without what was drawn or hashed, and so differs from cluster to cluster.
fn common(name: &str) -> String {
    let parts = name.split('-').map(|part| {
        // Names of load balancers are an `a` and a UUID.
        let is_hex = part.bytes().all(|byte| byte.is_ascii_hexdigit());
        if is_hex && part.len() >= DRAWN { "*" } else { part }
    });
    parts.collect::<Vec<_>>().join("-")
}

/// Returns the part of an e-mail address before the project's name.
fn local(email: &str) -> &str {
    email.split('@').next().unwrap_or(email)
}

/// Checks that all that infra makes carries the owner's mark.
pub(super) fn owned(project: &Project, uuid: &str) -> Result<(), SweepError> {
    let begins = format!("infra {uuid} ");
    for kind in OWNED {
        for one in project.get(kind).into_iter().flatten() {
            let is_marked = one["labels"]["infra-owner"] == uuid
                || one["description"].as_str().is_some_and(|text| text.starts_with(&begins));
            if !is_marked {
                return Err(SweepError::broken(format!("{kind}: {one} is not owned")));
            }
        }
    }
    Ok(())
}

/// Checks that the record's resources are those of the project.
pub(super) fn recorded(project: &Project, resources: &Value) -> Result<(), SweepError> {
    for (kind, list, key) in RECORDED {
        let in_cloud: BTreeSet<String> = project
            .get(list)
            .into_iter()
            .flatten()
            .filter(|one| !unrecorded(list, one))
            .filter_map(|one| one[key].as_str())
            .map(|name| name.trim_end_matches('.').to_owned())
            .collect();
        let in_record: BTreeSet<String> = resources
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(address, _)| address.split('.').next() == Some(kind))
            .filter_map(|(_, one)| one["id"].as_str())
            // Ids end in the name, behind a path or a role.
            .map(|id| id.rsplit(['/', ' ']).next().unwrap_or(id).to_owned())
            .collect();
        if in_cloud != in_record {
            return Err(SweepError::broken(format!(
                "the record is not the project: {kind} {in_cloud:?}, recorded {in_record:?}"
            )));
        }
    }
    Ok(())
}

/// Returns true for what the record does not hold: firewall rules of GKE and Kubernetes, and marks.
fn unrecorded(list: &str, one: &Value) -> bool {
    let name = one["name"].as_str().unwrap_or_default();
    match list {
        "firewalls" => name.starts_with("gke-") || name.starts_with("k8s-"),
        "rrsets" => one["type"] == "TXT",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_differs_from_cluster_to_cluster_is_left_out() {
        assert_eq!(common("gke-lab-0a04be78-all"), "gke-lab-*-all");
        assert_eq!(common("k8s-fw-aa66edd2190dc477fba89d0b3a2ebab3"), "k8s-fw-*");
        assert_eq!(common("lab-9426354a-tcp-22"), "lab-*-tcp-22");
        assert_eq!(
            local("serviceAccount:infra-9426354a-nodes@a.iam"),
            "serviceAccount:infra-9426354a-nodes"
        );
    }
}
