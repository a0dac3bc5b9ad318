//! kubeadm's documents, as text.

mod support;

use infra_provisioning::kubeadm::{Role, Taint, bootstrap_token_secret, render, render_masked};
use secrecy::ExposeSecret;
use support::nodes::{boot, first, second, worker};

#[test]
fn init() {
    insta::assert_snapshot!(render(&first()).unwrap().expose_secret());
}

#[test]
fn join_control_plane() {
    insta::assert_snapshot!(render(&second()).unwrap().expose_secret());
}

#[test]
fn join_worker() {
    insta::assert_snapshot!(render(&worker()).unwrap().expose_secret());
}

#[test]
fn tokens_are_masked() {
    for node in [first(), second(), worker()] {
        let text = render_masked(&node).unwrap();
        assert!(text.contains(".****************"), "{text}");
        assert!(!text.contains("123456789abcdef"), "{text}");
        assert!(!format!("{node:?}").contains("123456789abcdef"));
    }
}

#[test]
fn what_would_fail_on_the_node_is_refused_before() {
    let worker = || boot("worker-1", Role::Worker);
    let reason = |change: &dyn Fn(&mut infra_provisioning::kubeadm::NodeBoot)| {
        let mut node = worker();
        change(&mut node);
        render(&node).unwrap_err().to_string()
    };
    let messages = [
        reason(&|n| n.node = "Worker_1".into()),
        reason(&|n| n.kubernetes_version = "latest".into()),
        reason(&|n| n.api_endpoint = "203.0.113.10".into()),
        reason(&|n| n.first_control_plane = true),
        reason(&|n| n.token = "secret-and-wrong".into()),
        reason(&|n| n.ca_hash = "sha256:12".into()),
        reason(&|n| {
            n.labels.insert("node-role.kubernetes.io/worker".into(), "".into());
        }),
        reason(&|n| {
            n.taints = vec![Taint { key: "a".into(), value: "".into(), effect: "Never".into() }];
        }),
    ];
    assert!(!messages[4].contains("secret-and-wrong"));
    insta::assert_snapshot!(messages.join("\n"));
}

#[test]
fn a_later_nodes_token_is_a_secret_of_kube_system() {
    let token = "abcdef.0123456789abcdef".into();
    let secret = bootstrap_token_secret(&token, "worker-3", "2026-03-01T12:00:00Z").unwrap();
    assert_eq!(secret["metadata"]["name"], "bootstrap-token-abcdef");
    assert_eq!(secret["stringData"]["token-secret"], "0123456789abcdef");
    assert!(bootstrap_token_secret(&"nodot".into(), "", "").is_none());
}
