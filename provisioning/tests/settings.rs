//! Settings of a control plane's components, from the input to what lies on the machine.

mod support;

use std::collections::BTreeMap;

use infra_provisioning::artifacts::{Arch, stand_ins};
use infra_provisioning::kubeadm::{
    Audit, DEFAULT_AUDIT_POLICY, NodeBoot, Oidc, PodSecurity, PodSecurityLevel, Settings,
    component_settings, render,
};
use infra_provisioning::node::preview;
use secrecy::ExposeSecret;
use serde_yaml_ng::Value;
use support::nodes::{VERSION, first, kit, second, worker};

fn settings() -> Settings {
    Settings {
        api_server: vec![("max-requests-inflight".into(), "800".into())],
        controller_manager: vec![("terminated-pod-gc-threshold".into(), "50".into())],
        scheduler: vec![("v".into(), "2".into())],
        audit: Some(Audit {
            policy: DEFAULT_AUDIT_POLICY.into(),
            max_age: 30,
            max_backups: 10,
            max_size: 100,
        }),
        oidc: Some(Oidc {
            issuer: "https://login.example.com".into(),
            client_id: "lab".into(),
            username_claim: "email".into(),
            username_prefix: "oidc:".into(),
            groups_claim: Some("groups".into()),
            groups_prefix: "oidc:".into(),
            required_claims: BTreeMap::from([("hd".into(), "example.com".into())]),
            ca_pem: Some("-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n".into()),
        }),
        pod_security: Some(PodSecurity {
            enforce: PodSecurityLevel::Baseline,
            audit: PodSecurityLevel::Restricted,
            warn: PodSecurityLevel::Restricted,
            exempt: vec!["kube-system".into()],
        }),
        encryption: vec!["key1".into(), "identity".into()],
        kubelet_serving: true,
    }
}

fn with(mut node: NodeBoot) -> NodeBoot {
    node.settings = settings();
    node
}

#[test]
fn init_has_flags_and_mounts() {
    let text = render(&with(first())).unwrap();
    let documents = text.expose_secret().split("---\n");
    let cluster = documents.into_iter().find(|one| one.contains("kind: ClusterConfiguration"));
    insta::assert_snapshot!(cluster.unwrap());
}

/// What a control plane joins with is read from the cluster: it must be what init was given.
#[test]
fn a_join_reads_what_init_wrote() {
    let text = render(&with(first())).unwrap();
    let cluster = text.expose_secret().split("---\n");
    let cluster = cluster.into_iter().find(|one| one.contains("kind: ClusterConfiguration"));
    let cluster: Value = serde_yaml_ng::from_str(cluster.unwrap()).unwrap();
    let settings = serde_yaml_ng::to_value(component_settings(&settings())).unwrap();
    for (component, keys) in settings.as_mapping().unwrap() {
        for (key, value) in keys.as_mapping().unwrap() {
            assert_eq!(&cluster[component][key], value, "{component:?}.{key:?}");
        }
    }
    let join = render(&with(second())).unwrap();
    assert_eq!(join.expose_secret(), render(&second()).unwrap().expose_secret());
}

/// Kubelets that ask and an API server that checks belong together: one without the other ends logs.
#[test]
fn kubelets_ask_where_the_api_server_checks() {
    let ca = "name: kubelet-certificate-authority";
    for serving in [true, false] {
        let mut node = with(first());
        node.settings.kubelet_serving = serving;
        let text = render(&node).unwrap();
        let text = text.expose_secret();
        assert_eq!(text.contains("serverTLSBootstrap: true"), serving, "{text}");
        assert_eq!(text.contains(ca), serving, "{text}");
        assert_eq!(text.contains("serverTLSBootstrap"), serving, "{text}");
        let components = component_settings(&node.settings).to_string();
        assert_eq!(components.contains("/etc/kubernetes/pki/ca.crt"), serving, "{components}");
    }
}

#[test]
fn files_are_what_the_api_server_reads() {
    let text = |files: Vec<(&str, String)>| {
        let files = files.into_iter().filter(|(name, _)| *name != "audit-policy.yaml");
        files.map(|(name, text)| format!("# {name}\n{text}")).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(text(settings().files("1.36.2")));
    let older = text(settings().files("1.33.9"));
    assert!(older.contains("apiVersion: apiserver.config.k8s.io/v1beta1\njwt:"), "{older}");
    assert!(Settings::default().files("1.36.2").is_empty());
}

/// No rule of the policy writes bodies of Secrets, ConfigMaps or tokens, and none writes answers.
#[test]
fn the_audit_policy_keeps_bodies_out() {
    let policy: Value = serde_yaml_ng::from_str(DEFAULT_AUDIT_POLICY).unwrap();
    assert_eq!(policy["apiVersion"], "audit.k8s.io/v1");
    let rules = policy["rules"].as_sequence().unwrap();
    assert_eq!(
        rules.last().unwrap(),
        &serde_yaml_ng::from_str::<Value>("level: Metadata").unwrap()
    );
    for rule in rules {
        let level = rule["level"].as_str().unwrap();
        assert!(["None", "Metadata", "Request"].contains(&level), "{rule:?}");
        if level == "Request" {
            let resources = rule["resources"].as_sequence().unwrap();
            let is_rbac = |one: &Value| one["group"] == "rbac.authorization.k8s.io";
            assert!(!resources.is_empty() && resources.iter().all(is_rbac), "{rule:?}");
        }
    }
    // Reads of Secrets are noted before anybody's reads are left out.
    let at = |found: &dyn Fn(&Value) -> bool| rules.iter().position(found).unwrap();
    let secrets = at(&|rule| format!("{rule:?}").contains("secrets"));
    let reads = at(&|rule| rule["level"] == "None" && rule["verbs"][0] == "get");
    assert!(secrets < reads);
}

#[test]
fn settings_count_in_the_revision_of_control_planes_only() {
    let temp = tempfile::tempdir().unwrap();
    let lock = stand_ins(temp.path(), VERSION, Arch::Amd64).unwrap();
    let revision = |node: NodeBoot| kit(node, &lock).revision();
    assert_eq!(revision(with(worker())), revision(worker()));
    let base = revision(with(first()));
    type Change = fn(&mut Settings);
    let changes: [Change; 6] = [
        |s| s.api_server.clear(),
        |s| s.scheduler[0].1 = "3".into(),
        |s| s.audit = None,
        |s| s.oidc.as_mut().unwrap().client_id = "other".into(),
        |s| s.pod_security.as_mut().unwrap().enforce = PodSecurityLevel::Restricted,
        |s| s.encryption.insert(1, "key2".into()),
    ];
    let mut seen = vec![base];
    for change in changes {
        let mut node = with(first());
        change(&mut node.settings);
        let revision = revision(node);
        assert!(!seen.contains(&revision));
        seen.push(revision);
    }
}

#[test]
fn a_control_planes_bundle_has_the_files_and_a_workers_has_not() {
    let temp = tempfile::tempdir().unwrap();
    let lock = stand_ins(temp.path(), VERSION, Arch::Amd64).unwrap();
    let mut one = kit(with(first()), &lock);
    one.pki.push(infra_provisioning::node::PkiFile {
        path: "encryption.yaml".into(),
        mode: 0o600,
        contents: "SECRET-KEY".into(),
    });
    let files = preview(&one).unwrap();
    for name in ["audit-policy.yaml", "admission.yaml", "authentication.yaml"] {
        let file = files.bundle_file(&format!("settings/{name}")).unwrap();
        assert_eq!(file.mode, 0o600);
    }
    assert!(!files.render(false).contains("SECRET-KEY"), "a key is shown");
    let files = preview(&kit(with(worker()), &lock)).unwrap();
    assert!(files.bundle.iter().all(|file| !file.path.starts_with("settings/")));
}
