use serde_json::{Value, json};

use super::{View, age, age_of, name, number, or};

pub(super) fn view(plural: &str) -> Option<View> {
    Some(match plural {
        "nodes" => View {
            columns: &[
                ("Name", false),
                ("Status", false),
                ("Roles", false),
                ("Age", false),
                ("Version", false),
                ("Internal-IP", true),
                ("External-IP", true),
                ("OS-Image", true),
                ("Kernel-Version", true),
                ("Container-Runtime", true),
            ],
            row: node,
        },
        "namespaces" => View {
            columns: &[("Name", false), ("Status", false), ("Age", false)],
            row: |o| vec![name(o), or(&o["status"]["phase"], "Active"), age_of(o)],
        },
        "customresourcedefinitions" => View {
            columns: &[("Name", false), ("Created At", false)],
            row: |o| vec![name(o), o["metadata"]["creationTimestamp"].clone()],
        },
        "leases" => View {
            columns: &[("Name", false), ("Holder", false), ("Age", false)],
            row: |o| vec![name(o), or(&o["spec"]["holderIdentity"], ""), age_of(o)],
        },
        "priorityclasses" => View {
            columns: &[
                ("Name", false),
                ("Value", false),
                ("Global-Default", false),
                ("Age", false),
                ("PreemptionPolicy", false),
            ],
            row: |o| {
                vec![
                    name(o),
                    json!(number(&o["value"])),
                    json!(o["globalDefault"] == true),
                    age_of(o),
                    or(&o["preemptionPolicy"], ""),
                ]
            },
        },
        "roles" | "clusterroles" => View {
            columns: &[("Name", false), ("Created At", false)],
            row: |o| vec![name(o), o["metadata"]["creationTimestamp"].clone()],
        },
        "rolebindings" | "clusterrolebindings" => View {
            columns: &[
                ("Name", false),
                ("Role", false),
                ("Age", false),
                ("Users", true),
                ("Groups", true),
                ("ServiceAccounts", true),
            ],
            row: |o| {
                let of = |kind: &str| {
                    let list: Vec<String> = o["subjects"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .filter(|s| s["kind"] == kind)
                        .map(|s| match s["namespace"].as_str() {
                            Some(ns) => format!("{ns}/{}", s["name"].as_str().unwrap_or_default()),
                            None => s["name"].as_str().unwrap_or_default().to_owned(),
                        })
                        .collect();
                    json!(list.join(", "))
                };
                let role = format!(
                    "{}/{}",
                    o["roleRef"]["kind"].as_str().unwrap_or_default(),
                    o["roleRef"]["name"].as_str().unwrap_or_default()
                );
                vec![name(o), json!(role), age_of(o), of("User"), of("Group"), of("ServiceAccount")]
            },
        },
        "certificatesigningrequests" => View {
            columns: &[
                ("Name", false),
                ("Age", false),
                ("SignerName", false),
                ("Requestor", false),
                ("RequestedDuration", false),
                ("Condition", false),
            ],
            row: |o| {
                let is = |kind: &str| {
                    o["status"]["conditions"]
                        .as_array()
                        .into_iter()
                        .flatten()
                        .any(|c| c["type"] == kind)
                };
                let mut state = if is("Denied") {
                    "Denied"
                } else if is("Approved") {
                    "Approved"
                } else {
                    "Pending"
                }
                .to_owned();
                if is("Failed") {
                    state += ",Failed";
                }
                if o["status"]["certificate"].is_string() {
                    state += ",Issued";
                }
                let duration = o["spec"]["expirationSeconds"]
                    .as_i64()
                    .map_or_else(|| "<none>".to_owned(), age::human);
                vec![
                    name(o),
                    age_of(o),
                    o["spec"]["signerName"].clone(),
                    or(&o["spec"]["username"], ""),
                    json!(duration),
                    json!(state),
                ]
            },
        },
        "mutatingwebhookconfigurations" | "validatingwebhookconfigurations" => View {
            columns: &[("Name", false), ("Webhooks", false), ("Age", false)],
            row: |o| vec![name(o), json!(o["webhooks"].as_array().map_or(0, Vec::len)), age_of(o)],
        },
        "runtimeclasses" => View {
            columns: &[("Name", false), ("Handler", false), ("Age", false)],
            row: |o| vec![name(o), o["handler"].clone(), age_of(o)],
        },
        _ => return None,
    })
}

fn node(o: &Value) -> Vec<Value> {
    let ready =
        o["status"]["conditions"].as_array().into_iter().flatten().find(|c| c["type"] == "Ready");
    let mut state = match ready.map(|c| &c["status"]) {
        Some(status) if status == "True" => "Ready".to_owned(),
        Some(_) => "NotReady".into(),
        None => "Unknown".into(),
    };
    if o["spec"]["unschedulable"] == true {
        state += ",SchedulingDisabled";
    }
    let mut roles: Vec<&str> = o["metadata"]["labels"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(key, value)| match key.strip_prefix("node-role.kubernetes.io/") {
            Some(role) => Some(role).filter(|role| !role.is_empty()),
            None if key == "kubernetes.io/role" => value.as_str(),
            None => None,
        })
        .collect();
    roles.sort_unstable();
    let roles = if roles.is_empty() { "<none>".to_owned() } else { roles.join(",") };
    let address = |kind: &str| {
        let found =
            o["status"]["addresses"].as_array().into_iter().flatten().find(|a| a["type"] == kind);
        found.map_or_else(|| json!("<none>"), |a| a["address"].clone())
    };
    let info = &o["status"]["nodeInfo"];
    vec![
        name(o),
        json!(state),
        json!(roles),
        age_of(o),
        or(&info["kubeletVersion"], ""),
        address("InternalIP"),
        address("ExternalIP"),
        or(&info["osImage"], "<unknown>"),
        or(&info["kernelVersion"], "<unknown>"),
        or(&info["containerRuntimeVersion"], "<unknown>"),
    ]
}
