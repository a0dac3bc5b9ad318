//! What every cluster stands on: who may do what, and what is kept of it.

use std::{
    collections::BTreeMap,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use infra_ssl::{Kubeconfig, certificate_facts};
use jiff::{SignedDuration, Timestamp};

use super::lab::{Config, Kubectl, Lab};

const SMALL: Config = Config { control_planes: 1, workers: 1 };

#[test]
fn a_short_lived_administrator_is_let_in_and_kept_nowhere() {
    let lab = SMALL.lab();
    lab.run_bare(&["kubeconfig", "--valid", "8h", "--print"])
        .expect(1)
        .warns("`infra apply` makes it");
    lab.run(&["apply", "--yes"]).ok();
    for wrong in ["1m", "8d", "8", "-1h"] {
        let valid = format!("--valid={wrong}");
        lab.run_bare(&["kubeconfig", &valid, "--print"]).expect(64).warns("--valid");
    }

    let journal = lab.journal_lines("lab");
    let ran = lab.run_bare(&["kubeconfig", "--valid", "8h", "--print"]).ok();
    let ran = ran.warns("The certificate of infra:");
    let config = Kubeconfig::own(&ran.stdout, None).unwrap();
    let facts = certificate_facts(&config.credentials.unwrap().cert_pem).unwrap();
    let left = facts.not_after.duration_since(Timestamp::now());
    assert!(left <= SignedDuration::from_hours(8), "{left:#}");
    assert!(left > SignedDuration::from_mins(7 * 60 + 45), "{left:#}");
    assert!(facts.subject.starts_with("O=kubeadm:cluster-admins, CN=infra:"), "{}", facts.subject);
    assert_eq!(lab.journal_lines("lab"), journal);

    lab.run_bare(&["kubeconfig", "--valid", "30m", "--into", "mine"]).ok().says("infra:");
    assert_eq!(mode(&lab.file("mine")), 0o600);
    let Some(kubectl) = Kubectl::at(&lab, &lab.file("mine")) else { return };
    assert_eq!(kubectl.ready_nodes(), ["control-plane-1", "worker-1"]);
    kubectl.run(&["auth", "can-i", "*", "*"]).ok().says("yes");
}

/// What lies on the machine `name`, by path.
fn on_machine(lab: &Lab, name: &str, path: &str) -> PathBuf {
    let id = lab.machine_id(name).unwrap_or_else(|| panic!("there is no machine {name}"));
    lab.file(&format!(".infra/sim/machines/{id}/root")).join(path)
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path)
        .unwrap_or_else(|e| panic!("{}: {e}", path.display()))
        .permissions()
        .mode()
        & 0o777
}

const SETTINGS: &str = r#"
[kubernetes.api_server]
args = { max-requests-inflight = 800 }
[kubernetes.oidc]
issuer = "https://login.example.com"
client_id = "lab"
"#;

#[test]
fn control_planes_get_their_settings_and_workers_none() {
    let lab = Lab::with(&format!("{}{SETTINGS}", SMALL.toml()));
    lab.run(&["apply", "--yes"]).ok();
    let at = |path: &str| on_machine(&lab, "control-plane-1", path);
    for file in ["audit-policy.yaml", "admission.yaml", "authentication.yaml"] {
        assert_eq!(mode(&at("etc/kubernetes/infra").join(file)), 0o600, "{file}");
    }
    assert_eq!(mode(&at("etc/kubernetes/pki/encryption.yaml")), 0o600);
    assert_eq!(mode(&lab.file("ssl/lab/encryption.keys")), 0o600);
    assert!(at("var/log/kubernetes/audit").is_dir());
    let server =
        std::fs::read_to_string(at("etc/kubernetes/manifests/kube-apiserver.yaml")).unwrap();
    for flag in [
        "--audit-policy-file=/etc/kubernetes/infra/audit-policy.yaml",
        "--encryption-provider-config=/etc/kubernetes/pki/encryption.yaml",
        "--admission-control-config-file=/etc/kubernetes/infra/admission.yaml",
        "--authentication-config=/etc/kubernetes/infra/authentication.yaml",
        "--max-requests-inflight=800",
    ] {
        assert!(server.contains(flag), "no {flag} in:\n{server}");
    }
    for path in ["etc/kubernetes/infra", "etc/kubernetes/pki/encryption.yaml"] {
        assert!(!on_machine(&lab, "worker-1", path).exists(), "{path} is on a worker");
    }

    // The key is in no plan, no journal and no state.
    let keys = lab.read("ssl/lab/encryption.keys");
    let keys: serde_json::Value = serde_json::from_str(&keys).unwrap();
    let secret = keys["keys"][0]["secret"].as_str().unwrap();
    let plan = lab.run(&["plan", "--json"]).ok();
    let shown = lab.run(&["node", "show", "control-plane-1"]).ok();
    for (place, text) in [
        ("plan", plan.stdout),
        ("node show", shown.stdout),
        ("journal", lab.read(".infra/lab/journal")),
    ] {
        assert!(!text.contains(secret), "the key is in the {place}");
    }
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    // Encryption can't be switched off again, and the only control plane takes up no other key.
    let off = format!("{}\n[kubernetes.encryption]\nenabled = false\n", lab.read("infra.toml"));
    lab.write("infra.toml", &off);
    lab.run(&["plan"]).expect(3).warns("Secrets are encrypted").warns("infra.toml:");
    lab.write("infra.toml", &off.replace("enabled = false", "enabled = true"));
    lab.run(&["encryption", "rotate", "--yes"]).expect(3).warns("the only control plane");
    lab.run(&["destroy", "--yes"]).ok();
    assert!(!lab.file("ssl/lab").exists());
}

/// A pod that takes over its machine.
fn pod(name: &str, namespace: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  \
         hostNetwork: true\n  containers:\n  - {{name: c, image: busybox:1.37.0, securityContext: {{privileged: true}}}}\n"
    )
}

#[test]
fn pods_that_could_take_over_a_machine_are_refused_outside_of_kube_system() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes"]).ok();
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };
    let create = |file: &str, text: &str| {
        lab.write(file, text);
        kubectl.run(&["create", "-f", lab.file(file).to_str().unwrap()])
    };
    let refused = create("a.yaml", &pod("a", "default")).expect(1);
    let refused = refused.warns("violates PodSecurity \"baseline:latest\"");
    refused.warns("hostNetwork=true").warns("privileged (container \"c\"");
    create("b.yaml", &pod("b", "kube-system")).ok();
    // A namespace decides for itself.
    kubectl.run(&["create", "namespace", "open"]).ok();
    let label = "pod-security.kubernetes.io/enforce=privileged";
    kubectl.run(&["label", "namespace", "open", label]).ok();
    create("c.yaml", &pod("c", "open")).ok();
    let plain = pod("d", "default").replace("hostNetwork: true", "restartPolicy: Always");
    create("d.yaml", &plain.replace("privileged: true", "privileged: false")).ok();
}

const THREE: Config = Config { control_planes: 3, workers: 1 };

/// Replaces each control plane, one after another.
fn replace_all(lab: &Lab) {
    for name in ["control-plane-1", "control-plane-2", "control-plane-3"] {
        lab.run(&["apply", "--yes", "--replace", &format!("droplet.{name}")]).ok();
    }
}

/// The order of keys that the API server of `name` has.
fn order(lab: &Lab, name: &str) -> String {
    let file = on_machine(lab, name, "etc/kubernetes/pki/encryption.yaml");
    let text = std::fs::read_to_string(file).unwrap();
    let words = text.lines().filter_map(|line| {
        let line = line.trim().trim_start_matches("- ");
        line.strip_prefix("name: ").or(line.starts_with("identity").then_some("identity"))
    });
    words.collect::<Vec<_>>().join(" ")
}

/// The key that wrote each Secret into etcd, as the embedded API servers remember it: empty for plain text.
fn seals(lab: &Lab) -> BTreeMap<String, String> {
    let clusters = std::fs::read_dir(lab.file(".infra/sim/clusters")).unwrap();
    let logs: Vec<PathBuf> = clusters
        .map(|entry| entry.unwrap().path().join("objects/objects.log"))
        .filter(|log| log.exists())
        .collect();
    assert_eq!(logs.len(), 1, "{logs:?}");
    let mut seals = BTreeMap::new();
    for line in std::fs::read_to_string(&logs[0]).unwrap().lines() {
        let Some((_, json)) = line.split_once(' ') else { continue };
        // The last line may be half written.
        let Ok(record) = serde_json::from_str::<serde_json::Value>(json) else { continue };
        if record["plural"] != "secrets" {
            continue;
        }
        let name = |of: &serde_json::Value| format!("{}/{}", of["namespace"], of["name"]);
        let seal = record["seal"].as_str().unwrap_or_default();
        match record.get("object") {
            Some(object) => {
                let key = seal.split(':').next().unwrap_or_default();
                seals.insert(name(&object["metadata"]), key.to_owned());
            }
            None => drop(seals.remove(&name(&record))),
        }
    }
    seals
}

/// Each Secret is there with the key that wrote it, and that is always this one.
#[track_caller]
fn assert_written_by(lab: &Lab, key: &str) {
    let seals = seals(lab);
    assert!(
        !seals.is_empty() && seals.values().all(|one| one == key),
        "not all {key:?}: {seals:?}"
    );
}

#[test]
fn a_key_is_rotated_while_the_cluster_runs() {
    let lab = THREE.lab();
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(order(&lab, "control-plane-2"), "key1 identity");
    assert_written_by(&lab, "key1");
    if let Some(kubectl) = Kubectl::of(&lab, "lab") {
        kubectl.run(&["create", "secret", "generic", "keepme", "--from-literal=a=b"]).ok();
    }
    lab.run(&["encryption", "rotate"]).expect(7);
    let rotate = ["encryption", "rotate", "--step", "--yes"];
    lab.run(&rotate).ok().says("key1, key2, identity");
    // Nothing continues before every control plane reads the new key.
    let refused = lab.run(&rotate).expect(3).warns("droplet.control-plane-1");
    refused.warns("infra apply --replace droplet.control-plane-3").warns("nothing was changed");
    lab.run(&["apply", "--yes", "--replace", "droplet.control-plane-2"]).ok();
    assert_eq!(order(&lab, "control-plane-2"), "key1 key2 identity");
    assert_eq!(order(&lab, "control-plane-1"), "key1 identity");
    lab.run(&rotate).expect(3).warns("droplet.control-plane-1, droplet.control-plane-3;");
    // Nor can one be replaced that infra.toml does not ask for any more: only `apply` says what becomes of it.
    lab.write(
        "infra.toml",
        &THREE.toml().replace("[pools.control-plane]", "[pools.masters]\nrole = \"control-plane\""),
    );
    let ids = lab.inventory().ids();
    let refused = lab.run(&["encryption", "rotate", "--yes"]).expect(3);
    refused
        .warns("is a control plane that infra.toml does not ask for")
        .warns("`infra apply` first");
    assert_eq!(lab.inventory().ids(), ids);
    lab.write("infra.toml", &THREE.toml());

    replace_all(&lab);
    lab.run(&rotate).ok().says("key2, key1, identity");
    replace_all(&lab);
    let ran = lab.run(&[&rotate[..], &["--json"]].concat()).ok();
    let said: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(said["order"], serde_json::json!(["key2", "identity"]));
    assert!(said["rewritten"].as_u64().unwrap() >= 1, "{said}");
    assert_keeps_what_key2_wrote(&lab);
}

#[test]
fn one_command_rotates_a_key_and_resumes_when_it_is_killed() {
    let lab = THREE.lab();
    let two_workers =
        THREE.toml().replace("[pools.worker]\ncount = 1", "[pools.worker]\ncount = 2");
    lab.write("infra.toml", &two_workers);
    lab.run(&["apply", "--yes"]).ok();
    let kubectl = Kubectl::of(&lab, "lab");
    if let Some(kubectl) = &kubectl {
        // More than a page of them in each namespace, so that none is there by chance.
        for name in ["keepme", "keepme-2", "keepme-3", "keepme-4", "zz-keepme"] {
            kubectl.run(&["create", "secret", "generic", name, "--from-literal=a=b"]).ok();
        }
    }
    let before = lab.inventory();
    assert_eq!(before.ids_of("droplets").len(), 5);
    let rotate = ["encryption", "rotate", "--yes"];
    // A worker that infra.toml no longer asks for has nothing to do with it.
    lab.write("infra.toml", &THREE.toml());
    // The Secrets come in several pages.
    lab.fault(&["small_pages", "--api", "kube"]);
    // A machine is gone, and its successor is not there yet.
    for moment in ["droplet.control-plane-1: deleted", "droplet.control-plane-2: created"] {
        let mut run = lab.start(&rotate);
        assert!(run.until_says(moment), "{moment}: {}", run.wait());
        run.kill();
    }
    // The API server is away while the Secrets are written: that is waited out.
    lab.run_bare(&["sim", "fault", "clear"]).ok();
    let writes = ["503", "--api", "kube", "--method", "PUT", "--count", "3"];
    lab.fault(&[&writes[..], &["--path", "*/secrets/*"]].concat());
    lab.fault(&["small_pages", "--api", "kube"]);
    lab.run(&rotate).ok().says("key2, identity").says("Secrets written again");
    let faults = lab.run_bare(&["sim", "fault", "list"]).ok();
    let away = faults.stdout.lines().find(|line| line.contains("503")).unwrap();
    assert!(away.contains("struck 3"), "the API server was never away: {away}");
    lab.write("infra.toml", &two_workers);
    assert_keeps_what_key2_wrote(&lab);
    let (before, after) = (before.ids_of("droplets"), lab.inventory().ids_of("droplets"));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(after) {
        assert_eq!(*before == after, before.starts_with("\"worker"), "{before} {after}");
    }
}

/// Every Secret was written with the second key, and can be read.
#[track_caller]
fn assert_keeps_what_key2_wrote(lab: &Lab) {
    assert_written_by(lab, "key2");
    if let Some(kubectl) = Kubectl::of(lab, "lab") {
        let get = ["get", "secret", "keepme", "--output", "jsonpath={.data.a}"];
        kubectl.run(&get).ok().says("Yg==");
    }
    lab.run(&["plan", "--detailed-exitcode"]).ok();
}

#[test]
fn a_cluster_made_without_encryption_keeps_running_and_gets_it_by_steps() {
    let lab = THREE.lab();
    let without = format!("{}[kubernetes.encryption]\nenabled = false\n", THREE.toml());
    lab.write("infra.toml", &without);
    lab.run(&["apply", "--yes"]).ok();
    assert_written_by(&lab, "");
    assert!(!lab.file("ssl/lab/encryption.keys").exists());
    assert!(!on_machine(&lab, "control-plane-1", "etc/kubernetes/pki/encryption.yaml").exists());
    let before = lab.inventory();

    lab.write("infra.toml", &THREE.toml());
    let plan = lab.run(&["plan"]).ok();
    assert_eq!(plan.changed("+"), ["certificate.encryption.keys"], "{plan}");
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(lab.inventory().ids(), before.ids(), "no machine changes");
    lab.run(&["plan", "--detailed-exitcode"]).ok().says("Secrets are not encrypted yet");
    let step = ["encryption", "rotate", "--step", "--yes"];
    lab.run(&step).expect(3).warns("droplet.control-plane-1");

    // A control plane that joins reads what will be encrypted, and writes as the others do.
    lab.run(&["apply", "--yes", "--replace", "droplet.control-plane-3"]).ok();
    assert_eq!(order(&lab, "control-plane-3"), "identity key1");
    let flag = "encryption-provider-config";
    let path = on_machine(&lab, "control-plane-3", "etc/kubernetes/manifests/kube-apiserver.yaml");
    assert!(std::fs::read_to_string(path).unwrap().contains(flag));

    // With the keys lost, nothing is made that could not read the Secrets.
    let keys = lab.read("ssl/lab/encryption.keys");
    std::fs::remove_file(lab.file("ssl/lab/encryption.keys")).unwrap();
    lab.run(&["plan"]).expect(9).warns("encryption.keys is missing").warns("restore it");
    lab.write("ssl/lab/encryption.keys", &keys);
}

#[test]
fn a_cluster_that_is_made_anew_is_encrypted_from_the_beginning() {
    let lab = SMALL.lab();
    let without = format!("{}[kubernetes.encryption]\nenabled = false\n", SMALL.toml());
    lab.write("infra.toml", &without);
    lab.run(&["apply", "--yes"]).ok();
    lab.write("infra.toml", &SMALL.toml());
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(order_of_file(&lab), ["identity", "key1"]);
    assert_written_by(&lab, "");

    let name = "control-plane-1";
    let machine = format!("droplet.{name}");
    let anew = ["--replace", &machine, "--confirm-data-loss", name];
    let plan = lab.run(&[&["plan"], &anew[..]].concat()).ok();
    assert!(plan.changed("~").contains(&"certificate.encryption.keys".to_owned()), "{plan}");
    assert_eq!(order_of_file(&lab), ["identity", "key1"], "a plan changes nothing");
    lab.run(&[&["apply", "--yes"], &anew[..]].concat()).ok();
    assert_eq!(order(&lab, name), "key1 identity");
    assert_eq!(order_of_file(&lab), ["key1", "identity"]);
    assert_written_by(&lab, "key1");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
}

/// The order of keys that control planes get next.
fn order_of_file(lab: &Lab) -> Vec<String> {
    let ran = lab.run_bare(&["encryption", "status", "--json"]).ok();
    let said: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    serde_json::from_value(said["order"].clone()).unwrap()
}
