use serde_json::{Value, json};

use super::fill::{Context, below, default, items};
use crate::Resource;

/// Fills in the defaults of a pod's spec, also within a template.
pub(super) fn spec(spec: &mut Value) {
    default(spec, "restartPolicy", json!("Always"));
    default(spec, "dnsPolicy", json!("ClusterFirst"));
    default(spec, "schedulerName", json!("default-scheduler"));
    default(spec, "terminationGracePeriodSeconds", json!(30));
    below(spec, "securityContext");
    // The old name of the field is kept in step with the new one.
    let account = [&spec["serviceAccountName"], &spec["serviceAccount"]]
        .into_iter()
        .find(|name| name.as_str().is_some_and(|name| !name.is_empty()))
        .cloned();
    if let Some(account) = account {
        spec["serviceAccountName"] = account.clone();
        spec["serviceAccount"] = account;
    }
    let host_network = spec["hostNetwork"] == true;
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for item in items(spec, list) {
            container(item, host_network);
        }
    }
    for item in items(spec, "volumes") {
        volume(item);
    }
}

fn container(container: &mut Value, host_network: bool) {
    default(container, "terminationMessagePath", json!("/dev/termination-log"));
    default(container, "terminationMessagePolicy", json!("File"));
    let image = container["image"].as_str().unwrap_or_default().to_owned();
    default(container, "imagePullPolicy", json!(pull_policy(&image)));
    let resources = below(container, "resources");
    if let Some(limits) = resources.get("limits").cloned().filter(Value::is_object) {
        for (name, amount) in limits.as_object().into_iter().flatten() {
            default(below(resources, "requests"), name, amount.clone());
        }
    }
    for port in items(container, "ports") {
        default(port, "protocol", json!("TCP"));
        if host_network {
            let number = port["containerPort"].clone();
            default(port, "hostPort", number);
        }
    }
    for variable in items(container, "env") {
        field_ref(&mut variable["valueFrom"]);
        if variable["valueFrom"].is_null()
            && let Some(fields) = variable.as_object_mut()
        {
            fields.remove("valueFrom");
        }
    }
    for name in ["livenessProbe", "readinessProbe", "startupProbe"] {
        if let Some(probe) = container.get_mut(name).filter(|probe| probe.is_object()) {
            default(probe, "timeoutSeconds", json!(1));
            default(probe, "periodSeconds", json!(10));
            default(probe, "successThreshold", json!(1));
            default(probe, "failureThreshold", json!(3));
            http_get(probe);
            if let Some(grpc) = probe.get_mut("grpc").filter(|grpc| grpc.get("service").is_none()) {
                grpc["service"] = json!("");
            }
        }
    }
    if let Some(lifecycle) = container.get_mut("lifecycle") {
        for name in ["postStart", "preStop"] {
            if let Some(hook) = lifecycle.get_mut(name) {
                http_get(hook);
            }
        }
    }
}

fn field_ref(source: &mut Value) {
    if let Some(field) = source.get_mut("fieldRef").filter(|field| field.is_object()) {
        default(field, "apiVersion", json!("v1"));
    }
    if let Some(field) = source.get_mut("resourceFieldRef").filter(|field| field.is_object()) {
        default(field, "divisor", json!("0"));
    }
}

fn http_get(handler: &mut Value) {
    if let Some(get) = handler.get_mut("httpGet").filter(|get| get.is_object()) {
        default(get, "path", json!("/"));
        default(get, "scheme", json!("HTTP"));
    }
}

/// Returns Always for `latest` and untagged images, else to pull only if the node does not have it.
fn pull_policy(image: &str) -> &'static str {
    if image.contains('@') {
        return "IfNotPresent";
    }
    let name = image.rsplit('/').next().unwrap_or(image);
    match name.split_once(':') {
        None | Some((_, "latest")) => "Always",
        Some(_) => "IfNotPresent",
    }
}

fn volume(volume: &mut Value) {
    if volume.as_object().is_some_and(|fields| fields.keys().all(|key| key == "name")) {
        volume["emptyDir"] = json!({});
    }
    for source in ["secret", "configMap", "projected", "downwardAPI"] {
        if let Some(source) = volume.get_mut(source).filter(|source| source.is_object()) {
            default(source, "defaultMode", json!(420));
        }
    }
    if let Some(path) = volume.get_mut("hostPath").filter(|path| path.get("type").is_none()) {
        path["type"] = json!("");
    }
    if let Some(api) = volume.get_mut("downwardAPI") {
        items(api, "items").for_each(field_ref);
    }
    if let Some(projected) = volume.get_mut("projected") {
        for source in items(projected, "sources") {
            if let Some(token) = source.get_mut("serviceAccountToken") {
                default(token, "expirationSeconds", json!(3600));
            }
            if let Some(api) = source.get_mut("downwardAPI") {
                items(api, "items").for_each(field_ref);
            }
        }
    }
    if let Some(template) =
        volume.get_mut("ephemeral").and_then(|e| e.get_mut("volumeClaimTemplate"))
    {
        default(below(template, "spec"), "volumeMode", json!("Filesystem"));
    }
}

/// Sets what only a pod itself gets, at its creation.
pub(super) fn admitted(context: &Context<'_>, object: &mut Value) {
    let pod_spec = below(object, "spec");
    default(pod_spec, "enableServiceLinks", json!(true));
    default(pod_spec, "serviceAccountName", json!("default"));
    default(pod_spec, "serviceAccount", json!("default"));
    let class = pod_spec["priorityClassName"].as_str().and_then(|name| {
        let classes = Resource::new("scheduling.k8s.io", "v1", "priorityclasses");
        context.server.cluster.store().get(&classes, None, name)
    });
    let priority = class.as_ref().map_or(json!(0), |class| class["value"].clone());
    let preemption = class
        .and_then(|class| class.get("preemptionPolicy").cloned())
        .unwrap_or_else(|| json!("PreemptLowerPriority"));
    pod_spec["priority"] = priority;
    default(pod_spec, "preemptionPolicy", preemption);
    let tolerations = pod_spec
        .as_object_mut()
        .map(|fields| fields.entry("tolerations").or_insert_with(|| json!([])));
    if let Some(Value::Array(list)) = tolerations {
        for key in ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"] {
            let covered = list.iter().any(|toleration| {
                (toleration["key"] == key || toleration.get("key").is_none())
                    && (toleration.get("effect").is_none() || toleration["effect"] == "NoExecute")
            });
            if !covered {
                list.push(json!({"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}));
            }
        }
    }
    object["status"] = json!({"phase": "Pending", "qosClass": qos_class(&object["spec"])});
}

/// Keeps what the server set once, if a manifest does not name it.
pub(super) fn carry_over(old: &Value, new: &mut Value) {
    for field in [
        "nodeName",
        "enableServiceLinks",
        "serviceAccountName",
        "serviceAccount",
        "priority",
        "preemptionPolicy",
        "tolerations",
    ] {
        let value = old["spec"][field].clone();
        if !value.is_null() {
            default(below(new, "spec"), field, value);
        }
    }
}

fn qos_class(spec: &Value) -> &'static str {
    let containers = || {
        ["containers", "initContainers"]
            .into_iter()
            .flat_map(|list| spec[list].as_array().into_iter().flatten())
    };
    let amounts =
        |container: &Value, kind: &str, name: &str| container["resources"][kind][name].clone();
    let none = containers().all(|c| {
        ["requests", "limits"]
            .iter()
            .all(|kind| ["cpu", "memory"].iter().all(|name| amounts(c, kind, name).is_null()))
    });
    if none {
        return "BestEffort";
    }
    let guaranteed = containers().all(|c| {
        ["cpu", "memory"].iter().all(|name| {
            let limit = amounts(c, "limits", name);
            !limit.is_null() && limit == amounts(c, "requests", name)
        })
    });
    if guaranteed { "Guaranteed" } else { "Burstable" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_without_a_fixed_tag_are_always_pulled() {
        for (image, policy) in [
            ("nginx", "Always"),
            ("nginx:latest", "Always"),
            ("nginx:1.25", "IfNotPresent"),
            ("registry.example.com:5000/a/b", "Always"),
            ("registry.example.com:5000/a/b:1", "IfNotPresent"),
            ("a@sha256:00", "IfNotPresent"),
        ] {
            assert_eq!(pull_policy(image), policy, "{image}");
        }
    }

    #[test]
    fn filling_in_twice_changes_nothing() {
        let mut object = json!({"containers": [{"name": "a", "image": "a:1", "ports": [{"containerPort": 1}],
            "livenessProbe": {"httpGet": {"port": 1}}, "env": [{"name": "A", "value": "b"}],
            "resources": {"limits": {"cpu": "1"}}}], "volumes": [{"name": "v"}, {"name": "c", "configMap": {"name": "c"}}]});
        spec(&mut object);
        let once = object.clone();
        spec(&mut object);
        assert_eq!(object, once);
        assert_eq!(object["containers"][0]["resources"]["requests"]["cpu"], "1");
        assert_eq!(object["volumes"][0]["emptyDir"], json!({}));
        assert_eq!(object["containers"][0]["env"], json!([{"name": "A", "value": "b"}]));
    }
}
