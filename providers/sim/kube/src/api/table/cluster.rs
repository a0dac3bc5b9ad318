//! The columns of what belongs to the whole cluster, and of access to it.

use serde_json::{Value, json};

use super::age;
use super::cells::{has_condition, list, reference, text};
use super::column::Cell::*;
use super::column::{AGE, CREATED, NAME, Table, col, wide};

pub(super) static TABLES: &[Table] = &[
    Table {
        kinds: &["nodes"],
        columns: &[
            NAME,
            col("Status", With(node_status)),
            col("Roles", With(node_roles)),
            AGE,
            col("Version", Text("/status/nodeInfo/kubeletVersion", "")),
            wide("Internal-IP", With(|o| address(o, "InternalIP"))),
            wide("External-IP", With(|o| address(o, "ExternalIP"))),
            wide("OS-Image", Text("/status/nodeInfo/osImage", "<unknown>")),
            wide("Kernel-Version", Text("/status/nodeInfo/kernelVersion", "<unknown>")),
            wide(
                "Container-Runtime",
                Text("/status/nodeInfo/containerRuntimeVersion", "<unknown>"),
            ),
        ],
    },
    Table {
        kinds: &["namespaces"],
        columns: &[NAME, col("Status", Text("/status/phase", "Active")), AGE],
    },
    Table {
        kinds: &[
            "customresourcedefinitions.apiextensions.k8s.io",
            "roles.rbac.authorization.k8s.io",
            "clusterroles.rbac.authorization.k8s.io",
        ],
        columns: &[NAME, CREATED],
    },
    Table {
        kinds: &["leases.coordination.k8s.io"],
        columns: &[NAME, col("Holder", Text("/spec/holderIdentity", "")), AGE],
    },
    Table {
        kinds: &["priorityclasses.scheduling.k8s.io"],
        columns: &[
            NAME,
            col("Value", Number("/value")),
            col("Global-Default", Flag("/globalDefault")),
            AGE,
            col("PreemptionPolicy", Text("/preemptionPolicy", "")),
        ],
    },
    Table {
        kinds: &[
            "rolebindings.rbac.authorization.k8s.io",
            "clusterrolebindings.rbac.authorization.k8s.io",
        ],
        columns: &[
            NAME,
            col("Role", With(|o| reference(&o["roleRef"]))),
            AGE,
            wide("Users", With(|o| subjects(o, "User"))),
            wide("Groups", With(|o| subjects(o, "Group"))),
            wide("ServiceAccounts", With(|o| subjects(o, "ServiceAccount"))),
        ],
    },
    Table {
        kinds: &["certificatesigningrequests.certificates.k8s.io"],
        columns: &[
            NAME,
            AGE,
            col("SignerName", Plain("/spec/signerName")),
            col("Requestor", Text("/spec/username", "")),
            col("RequestedDuration", With(requested_duration)),
            col("Condition", With(request_condition)),
        ],
    },
    Table {
        kinds: &[
            "mutatingwebhookconfigurations.admissionregistration.k8s.io",
            "validatingwebhookconfigurations.admissionregistration.k8s.io",
        ],
        columns: &[NAME, col("Webhooks", Count("/webhooks")), AGE],
    },
    Table {
        kinds: &["runtimeclasses.node.k8s.io"],
        columns: &[NAME, col("Handler", Plain("/handler")), AGE],
    },
];

fn node_status(node: &Value) -> Value {
    let ready = list(&node["status"]["conditions"]).iter().find(|c| c["type"] == "Ready");
    let state = match ready.map(|condition| &condition["status"]) {
        Some(status) if status == "True" => "Ready",
        Some(_) => "NotReady",
        None => "Unknown",
    };
    let cordoned = node["spec"]["unschedulable"] == true;
    json!(format!("{state}{}", if cordoned { ",SchedulingDisabled" } else { "" }))
}

fn node_roles(node: &Value) -> Value {
    let labels = node["metadata"]["labels"].as_object().into_iter().flatten();
    let mut roles: Vec<&str> = labels
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role).filter(|role| !role.is_empty()),
            None if key == "kubernetes.io/role" => value.as_str(),
            None => None,
        })
        .collect();
    roles.sort_unstable();
    if roles.is_empty() { json!("<none>") } else { json!(roles.join(",")) }
}

fn address(node: &Value, kind: &str) -> Value {
    let found = list(&node["status"]["addresses"]).iter().find(|one| one["type"] == kind);
    found.map_or_else(|| json!("<none>"), |one| one["address"].clone())
}

fn subjects(binding: &Value, kind: &str) -> Value {
    let names: Vec<String> = list(&binding["subjects"])
        .iter()
        .filter(|subject| subject["kind"] == kind)
        .map(|subject| match subject["namespace"].as_str() {
            Some(namespace) => format!("{namespace}/{}", text(&subject["name"])),
            None => text(&subject["name"]).to_owned(),
        })
        .collect();
    json!(names.join(", "))
}

fn requested_duration(request: &Value) -> Value {
    let seconds = request["spec"]["expirationSeconds"].as_i64();
    seconds.map_or_else(|| json!("<none>"), |seconds| json!(age::human(seconds)))
}

fn request_condition(request: &Value) -> Value {
    let mut state = if has_condition(request, "Denied") {
        "Denied"
    } else if has_condition(request, "Approved") {
        "Approved"
    } else {
        "Pending"
    }
    .to_owned();
    if has_condition(request, "Failed") {
        state += ",Failed";
    }
    if request["status"]["certificate"].is_string() {
        state += ",Issued";
    }
    json!(state)
}
