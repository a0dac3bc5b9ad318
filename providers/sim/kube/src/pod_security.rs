//! Pod Security Standards: what a namespace (or the API server's own settings) lets pods do.
//!
//! Written from the tables of the standards on kubernetes.io. Left out is what nothing here models:
//! AppArmor, SELinux, Windows.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{Resource, Store};

/// What the API server assumes where a namespace says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PodSecurity {
    /// `privileged`, `baseline` or `restricted`; empty: privileged.
    pub enforce: String,
    /// Namespaces that nothing of it is about.
    pub exempt: Vec<String>,
}

const LABEL: &str = "pod-security.kubernetes.io/enforce";
/// Capabilities that pods may add under `baseline`.
const CAPABILITIES: &str = "AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP \
                            SETGID SETPCAP SETUID SYS_CHROOT";
const SYSCTLS: &str = "kernel.shm_rmid_forced net.ipv4.ip_local_port_range net.ipv4.ip_unprivileged_port_start \
                       net.ipv4.tcp_syncookies net.ipv4.ping_group_range net.ipv4.ip_local_reserved_ports \
                       net.ipv4.tcp_keepalive_time net.ipv4.tcp_fin_timeout net.ipv4.tcp_keepalive_intvl \
                       net.ipv4.tcp_keepalive_probes";
/// Volumes that pods may have under `restricted`.
const VOLUMES: &str = "name configMap csi downwardAPI emptyDir ephemeral persistentVolumeClaim projected secret image";

/// Returns why a pod is refused in its namespace, as the API server says it.
pub(crate) fn refusal(store: &Store, settings: &PodSecurity, pod: &Value) -> Option<String> {
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    if settings.exempt.iter().any(|exempt| exempt == namespace) {
        return None;
    }
    let object = store.get(&Resource::core("namespaces"), None, namespace);
    let label = object.as_ref().and_then(|object| object["metadata"]["labels"][LABEL].as_str());
    let level = match label.unwrap_or(&settings.enforce) {
        "" | "privileged" => return None,
        "baseline" => "baseline",
        // What is no level counts as the strictest.
        _ => "restricted",
    };
    let mut found = baseline(&pod["spec"]);
    if level == "restricted" {
        found.extend(restricted(&pod["spec"]));
    }
    let reasons = found.join(", ");
    (!reasons.is_empty()).then(|| format!("violates PodSecurity \"{level}:latest\": {reasons}"))
}

fn list<'a>(value: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    value[key].as_array().into_iter().flatten()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn containers(spec: &Value) -> impl Iterator<Item = &Value> {
    ["initContainers", "containers", "ephemeralContainers"]
        .into_iter()
        .flat_map(|key| list(spec, key))
}

/// `what (container "a" must not …)` for the containers that `is_bad` names.
fn of_containers(
    spec: &Value,
    what: &str,
    must: &str,
    is_bad: impl Fn(&Value, &Value) -> bool,
) -> Option<String> {
    let bad = containers(spec).filter(|one| is_bad(one, &one["securityContext"]));
    let names: Vec<String> = bad.map(|one| format!("\"{}\"", text(one, "name"))).collect();
    let noun = if names.len() == 1 { "container" } else { "containers" };
    (!names.is_empty()).then(|| format!("{what} ({noun} {} {must})", names.join(", ")))
}

fn baseline(spec: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let host = ["hostNetwork", "hostPID", "hostIPC"].into_iter().filter(|key| spec[*key] == true);
    let host: Vec<String> = host.map(|key| format!("{key}=true")).collect();
    if !host.is_empty() {
        found.push(format!("host namespaces ({})", host.join(", ")));
    }
    found.extend(of_containers(
        spec,
        "privileged",
        "must not set securityContext.privileged=true",
        |_, security| security["privileged"] == true,
    ));
    found.extend(of_containers(
        spec,
        "non-default capabilities",
        "must not include others than the default ones in securityContext.capabilities.add",
        |_, security| {
            let mut added = list(&security["capabilities"], "add").filter_map(Value::as_str);
            added.any(|one| !CAPABILITIES.split_whitespace().any(|known| known == one))
        },
    ));
    let paths = list(spec, "volumes").filter(|volume| volume["hostPath"].is_object());
    let paths: Vec<String> = paths.map(|one| format!("\"{}\"", text(one, "name"))).collect();
    if !paths.is_empty() {
        let noun = if paths.len() == 1 { "volume" } else { "volumes" };
        found.push(format!("hostPath volumes ({noun} {})", paths.join(", ")));
    }
    found.extend(of_containers(spec, "hostPort", "uses a hostPort", |container, _| {
        list(container, "ports").any(|port| port["hostPort"].as_u64().is_some_and(|port| port > 0))
    }));
    found.extend(of_containers(
        spec,
        "procMount",
        "must not set securityContext.procMount to \"Unmasked\"",
        |_, security| security["procMount"] == "Unmasked",
    ));
    let unconfined = |security: &Value| security["seccompProfile"]["type"] == "Unconfined";
    if unconfined(&spec["securityContext"]) {
        found.push("seccompProfile (pod must not set securityContext.seccompProfile.type to \"Unconfined\")".into());
    }
    found.extend(of_containers(
        spec,
        "seccompProfile",
        "must not set securityContext.seccompProfile.type to \"Unconfined\"",
        |_, security| unconfined(security),
    ));
    let sysctls = list(&spec["securityContext"], "sysctls").map(|one| text(one, "name"));
    let unsafe_ones =
        sysctls.filter(|name| !SYSCTLS.split_whitespace().any(|known| known == *name));
    let unsafe_ones: Vec<&str> = unsafe_ones.collect();
    if !unsafe_ones.is_empty() {
        found.push(format!("forbidden sysctls ({})", unsafe_ones.join(", ")));
    }
    found
}

fn restricted(spec: &Value) -> Vec<String> {
    let pod = &spec["securityContext"];
    let mut found = Vec::new();
    let is_other = |volume: &&Value| {
        let mut keys = volume.as_object().into_iter().flat_map(|map| map.keys());
        keys.any(|key| key != "hostPath" && !VOLUMES.split_whitespace().any(|known| known == key))
    };
    let others: Vec<&str> =
        list(spec, "volumes").filter(is_other).map(|volume| text(volume, "name")).collect();
    if !others.is_empty() {
        found.push(format!("restricted volume types (volume \"{}\")", others.join("\", \"")));
    }
    found.extend(of_containers(
        spec,
        "allowPrivilegeEscalation != false",
        "must set securityContext.allowPrivilegeEscalation=false",
        |_, security| security["allowPrivilegeEscalation"] != false,
    ));
    found.extend(of_containers(
        spec,
        "unrestricted capabilities",
        "must set securityContext.capabilities.drop=[\"ALL\"]",
        |_, security| !list(&security["capabilities"], "drop").any(|one| one == "ALL"),
    ));
    found.extend(of_containers(
        spec,
        "runAsNonRoot != true",
        "must set securityContext.runAsNonRoot=true",
        |_, security| match &security["runAsNonRoot"] {
            Value::Null => pod["runAsNonRoot"] != true,
            own => own != true,
        },
    ));
    found.extend(of_containers(spec, "runAsUser=0", "must not set runAsUser=0", |_, security| {
        security["runAsUser"] == 0 || (security["runAsUser"].is_null() && pod["runAsUser"] == 0)
    }));
    let is_set = |security: &Value| {
        matches!(text(&security["seccompProfile"], "type"), "RuntimeDefault" | "Localhost")
    };
    found.extend(of_containers(
        spec,
        "seccompProfile",
        "must set securityContext.seccompProfile.type to \"RuntimeDefault\" or \"Localhost\"",
        |_, security| match &security["seccompProfile"] {
            Value::Null => !is_set(pod),
            _ => !is_set(security),
        },
    ));
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(spec: &Value) -> String {
        baseline(spec).join("; ")
    }

    #[test]
    fn ways_to_take_over_a_machine_are_named() {
        let with = |container: Value, pod: Value| {
            let mut spec = pod;
            let mut container = container;
            container["name"] = json!("c");
            spec["containers"] = json!([container]);
            of(&spec)
        };
        let none = json!({});
        assert_eq!(with(none.clone(), none.clone()), "");
        let host = json!({"hostNetwork": true, "hostPID": true});
        assert_eq!(with(none.clone(), host), "host namespaces (hostNetwork=true, hostPID=true)");
        for (container, says) in [
            (json!({"securityContext": {"privileged": true}}), "privileged (container \"c\""),
            (
                json!({"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}),
                "non-default capabilities",
            ),
            (json!({"ports": [{"hostPort": 80}]}), "hostPort"),
            (json!({"securityContext": {"procMount": "Unmasked"}}), "procMount"),
            (
                json!({"securityContext": {"seccompProfile": {"type": "Unconfined"}}}),
                "seccompProfile",
            ),
        ] {
            assert!(with(container, none.clone()).starts_with(says), "{says}");
        }
        let volume = json!({"volumes": [{"name": "logs", "hostPath": {"path": "/var/log"}}]});
        assert_eq!(with(none.clone(), volume), "hostPath volumes (volume \"logs\")");
        let sysctl =
            json!({"securityContext": {"sysctls": [{"name": "kernel.msgmax", "value": "1"}]}});
        assert_eq!(with(none, sysctl), "forbidden sysctls (kernel.msgmax)");
        let fine = json!({"securityContext": {"capabilities": {"add": ["NET_BIND_SERVICE"]}}});
        assert_eq!(with(fine, json!({"volumes": [{"name": "a", "emptyDir": {}}]})), "");
    }

    #[test]
    fn a_hardened_pod_is_let_through_and_a_plain_one_is_not() {
        let plain = json!({"containers": [{"name": "c"}]});
        assert_eq!(restricted(&plain).len(), 4, "{:?}", restricted(&plain));
        let hard = json!({
            "securityContext": {"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{"name": "c", "securityContext": {
                "allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}}}],
            "volumes": [{"name": "a", "configMap": {"name": "a"}}],
        });
        assert_eq!(restricted(&hard), Vec::<String>::new());
    }
}
