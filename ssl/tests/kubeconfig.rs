//! Merging into a kubeconfig that has others.

mod support;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use infra_ssl::{Credentials, Kubeconfig, MergeOptions, SslError, merge_file, merge_text};
use secrecy::ExposeSecret;

const OTHERS: &str = "\
apiVersion: v1
kind: Config
preferences:
  colors: true
current-context: work
clusters:
- name: work
  cluster:
    server: https://198.51.100.1:6443
    proxy-url: http://proxy.example.com:3128
    certificate-authority: /somewhere/ca.crt
contexts:
- context:
    cluster: work
    namespace: payments
    user: me
    extensions:
    - name: notes
      extension: {text: keep}
  name: work
users:
- name: me
  user:
    exec:
      apiVersion: client.authentication.k8s.io/v1
      command: login
";

fn demo(server: &str) -> Kubeconfig {
    Kubeconfig::new("demo", server, "CA PEM")
        .with_credentials(Credentials { cert_pem: "CERT PEM".into(), key_pem: "KEY PEM".into() })
}

const SERVER: &str = "https://203.0.113.10:6443";

fn value(text: &str) -> serde_yaml_ng::Value {
    serde_yaml_ng::from_str(text).unwrap()
}

#[test]
fn nothing_of_the_others_is_lost() {
    let (text, report) =
        merge_text(Path::new("config"), Some(OTHERS), &demo(SERVER), MergeOptions::default())
            .unwrap();
    assert_eq!(report.added, ["cluster/demo", "user/demo-admin", "context/demo"]);
    assert_eq!(report.current_context.as_deref(), Some("work"));
    let (before, after) = (value(OTHERS), value(&text));
    for list in ["clusters", "contexts", "users"] {
        assert_eq!(before[list][0], after[list][0], "{list}");
        assert_eq!(after[list].as_sequence().unwrap().len(), 2);
    }
    assert_eq!(before["preferences"], after["preferences"]);
    let again =
        merge_text(Path::new("config"), Some(&text), &demo(SERVER), MergeOptions::default())
            .unwrap();
    assert!(!again.1.changed);
    assert_eq!(again.0, text);
}

#[test]
fn current_is_set_when_asked_or_when_there_is_none() {
    let set = MergeOptions { set_current: true, overwrite: false };
    let (_, report) = merge_text(Path::new("c"), Some(OTHERS), &demo(SERVER), set).unwrap();
    assert_eq!(report.current_context.as_deref(), Some("demo"));
    let (_, report) =
        merge_text(Path::new("c"), None, &demo(SERVER), MergeOptions::default()).unwrap();
    assert_eq!(report.current_context.as_deref(), Some("demo"));
}

#[test]
fn another_servers_entry_is_refused_unless_told() {
    let (mine, _) = merge_text(
        Path::new("c"),
        Some(OTHERS),
        &demo("https://192.0.2.1:6443"),
        MergeOptions::default(),
    )
    .unwrap();
    let error = merge_text(Path::new("c"), Some(&mine), &demo(SERVER), MergeOptions::default())
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cluster `demo` in c belongs to another server (https://192.0.2.1:6443, not https://203.0.113.10:6443); \
         rename it there, or overwrite it deliberately"
    );
    let told = MergeOptions { overwrite: true, set_current: false };
    let (text, report) = merge_text(Path::new("c"), Some(&mine), &demo(SERVER), told).unwrap();
    assert_eq!(report.updated, ["cluster/demo"]);
    assert_eq!(value(&text)["clusters"][1]["cluster"]["server"], SERVER);
    let foreign_user = OTHERS.replace("name: me", "name: demo-admin");
    assert!(matches!(
        merge_text(Path::new("c"), Some(&foreign_user), &demo(SERVER), MergeOptions::default()),
        Err(SslError::KubeconfigConflict { kind: "user", .. })
    ));
}

#[test]
fn fields_added_by_hand_to_our_entries_stay() {
    let (text, _) =
        merge_text(Path::new("c"), None, &demo(SERVER), MergeOptions::default()).unwrap();
    let edited = text
        .replace("    user: demo-admin\n", "    user: demo-admin\n    namespace: shop\n")
        .replace("    server: ", "    tls-server-name: api.example.com\n    server: ");
    assert_ne!(edited, text);
    let renewed = Kubeconfig { ca_pem: "NEW CA".into(), ..demo(SERVER) };
    let (merged, report) =
        merge_text(Path::new("c"), Some(&edited), &renewed, MergeOptions::default()).unwrap();
    assert_eq!(report.updated, ["cluster/demo"]);
    let merged = value(&merged);
    assert_eq!(merged["contexts"][0]["context"]["namespace"], "shop");
    assert_eq!(merged["clusters"][0]["cluster"]["tls-server-name"], "api.example.com");
}

#[test]
fn the_file_is_private_atomic_and_locked_like_kubectls() {
    let temp = tempfile::tempdir().unwrap();
    let path = temp.path().join("home/.kube/config");
    assert!(merge_file(&path, &demo(SERVER), MergeOptions::default()).unwrap().changed);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let written = fs::metadata(&path).unwrap().modified().unwrap();
    assert!(!merge_file(&path, &demo(SERVER), MergeOptions::default()).unwrap().changed);
    assert_eq!(fs::metadata(&path).unwrap().modified().unwrap(), written);
    let lock = temp.path().join("home/.kube/config.lock");
    fs::write(&lock, "").unwrap();
    let error = merge_file(&path, &demo(SERVER), MergeOptions::default()).unwrap_err();
    assert!(matches!(error, SslError::KubeconfigLocked { .. }));
    fs::remove_file(&lock).unwrap();
    fs::write(&path, "- a list").unwrap();
    assert!(matches!(
        merge_file(&path, &demo(SERVER), MergeOptions::default()),
        Err(SslError::Malformed { .. })
    ));
    assert_eq!(fs::read_to_string(&path).unwrap(), "- a list", "left as it was");
    assert!(!lock.exists());
}

#[test]
fn a_symbolic_link_stays_one() {
    let temp = tempfile::tempdir().unwrap();
    let (real, link) = (temp.path().join("real"), temp.path().join("link"));
    fs::write(&real, OTHERS).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    merge_file(&link, &demo(SERVER), MergeOptions { set_current: true, overwrite: false }).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let after = value(&fs::read_to_string(&real).unwrap());
    assert_eq!(after["clusters"][0], value(OTHERS)["clusters"][0]);
    assert_eq!(after["current-context"], "demo");
}

#[test]
fn secrets_are_masked() {
    let config = demo(SERVER);
    assert!(!format!("{config:?}").contains("KEY PEM"));
    let yaml = config.to_yaml().unwrap();
    let back = Kubeconfig::credentials_in(yaml.expose_secret()).unwrap();
    assert_eq!((back.cert_pem.as_str(), back.key_pem.expose_secret()), ("CERT PEM", "KEY PEM"));
    assert_eq!(Kubeconfig::server_in(yaml.expose_secret()).as_deref(), Some(SERVER));
}
