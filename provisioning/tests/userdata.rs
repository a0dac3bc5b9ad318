//! User-data, previews, revisions.

mod support;

use infra_provider_api::BootPlatform;
use infra_provisioning::artifacts::{Arch, Lock, stand_ins};
use infra_provisioning::bundle::{ArchiveFile, bundle_archive, tar_gz};
use infra_provisioning::kubeadm::NodeBoot;
use infra_provisioning::node::{NodeKitError, preview, publish_node};
use infra_provisioning::userdata::UserDataError;
use proptest::prelude::*;
use secrecy::ExposeSecret;
use support::nodes::{VERSION, first, kit, second, worker};
use support::*;

fn lock() -> Lock {
    stand_ins(tempfile::tempdir().unwrap().path(), VERSION, Arch::Amd64).unwrap()
}

#[tokio::test]
async fn real_user_data_fits_aws_and_passes_cloud_inits_schema() {
    let store = Store::start(true).await;
    let bucket = store.bucket("infra-a-cluster-with-a-long-name-1234abcd").await;
    let mut kit = kit(second(), &lock());
    kit.platform.user_data_max = SIGNING.user_data_max;
    kit.store_ca_pem = Some(String::from_utf8(store.ca_pem.clone().unwrap()).unwrap());
    let published = publish_node(&bucket, &kit).await.unwrap();
    let text = published.user_data.expose_secret();
    assert!(text.len() < 12 * 1024, "{} bytes", text.len());
    assert!(!format!("{published:?}").contains("Signature"));
    for secret in ["SECRET-OF", "0123456789abcdef", SECRET] {
        assert!(!text.contains(secret), "{secret} is long-lived");
    }
    if !program("cloud-init", "the user-data's schema") {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("user-data");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        std::process::Command::new("cloud-init")
            .args(["schema", "--config-file"])
            .arg(&file)
            .output()
            .unwrap()
    };
    let out = check(text);
    let said =
        format!("{}{}", String::from_utf8_lossy(&out.stdout), String::from_utf8_lossy(&out.stderr));
    assert!(out.status.success(), "{said}");
    // The check can fail.
    assert!(!check(&text.replace("permissions:", "permisions:")).status.success());
}

#[test]
fn too_large_user_data_is_a_typed_error() {
    let mut kit = kit(worker(), &lock());
    kit.platform = BootPlatform { cloud: "Tiny", user_data_max: 100, ..WITH_URLS };
    let error = preview(&kit).unwrap_err();
    assert!(matches!(error, NodeKitError::UserData(UserDataError::TooLarge { limit: 100, .. })));
    assert!(error.to_string().starts_with("the user-data of worker-1 has "), "{error}");
    assert!(error.to_string().ends_with("bytes; Tiny takes at most 100"), "{error}");
}

#[test]
fn a_preview_shows_everything_but_secrets() {
    let files = preview(&kit(first(), &lock())).unwrap();
    let shown = files.render(false);
    insta::with_settings!({filters => vec![("[0-9a-f]{64}", "[sha256]"), ("revision [0-9a-f]{16}", "revision [rev]"), ("/[0-9a-f]{16}[/.]", "/[rev]/")]}, {
        let heads: Vec<&str> = shown.lines().filter(|l| l.starts_with("## ") || l.starts_with("# node")).collect();
        insta::assert_snapshot!("preview_files", heads.join("\n"));
        insta::assert_snapshot!("preview_artifacts", files.bundle_file("artifacts.tsv").unwrap().text(false));
        insta::assert_snapshot!("preview_user_data", files.user_data.text(false));
    });
    assert!(!shown.contains("SECRET-OF-ca.key") && !shown.contains("1123456789abcdef"));
    assert!(files.render(true).contains("SECRET-OF-ca.key"));
    assert!(preview(&kit(worker(), &lock())).unwrap().pki.is_empty());
    assert!(!format!("{files:?}").contains("SECRET-OF-ca.key"));
}

#[test]
fn keys_of_the_cluster_go_to_control_planes_only() {
    let lock = lock();
    let mut worker_with_keys = kit(worker(), &lock);
    worker_with_keys.pki = kit(first(), &lock).pki;
    assert!(preview(&worker_with_keys).unwrap_err().to_string().contains("must not get keys"));
    let mut without = kit(first(), &lock);
    without.pki.clear();
    assert!(matches!(preview(&without), Err(NodeKitError::Pki { .. })));
    let mut old = worker();
    old.kubernetes_version = "1.35.8".into();
    let error = preview(&kit(old, &lock)).unwrap_err();
    assert!(error.to_string().contains("artifacts.lock is for 1.36.4"), "{error}");
}

#[test]
fn the_revision_follows_what_a_node_is_and_nothing_else() {
    let lock = lock();
    let revision = |change: &dyn Fn(&mut NodeBoot)| {
        let mut node = worker();
        change(&mut node);
        kit(node, &lock).revision()
    };
    let base = revision(&|_| {});
    assert_eq!(base.len(), 16);
    assert_eq!(base, revision(&|n| n.token = "zzzzzz.0123456789abcdef".into()));
    assert_eq!(base, revision(&|n| n.node = "worker-2".into()));
    assert_eq!(base, revision(&|n| n.api_endpoint = "203.0.113.99:6443".into()));
    assert_ne!(base, revision(&|n| n.labels.clear()));
    assert_ne!(base, revision(&|n| n.taints.clear()));
    assert_ne!(base, revision(&|n| n.kubelet_args.clear()));
    let mut other = lock.clone();
    other.artifacts[0].sha256 = "0".repeat(64);
    assert_ne!(base, kit(worker(), &other).revision());
    // An artifact of control planes only is nothing to a worker.
    let mut images = lock.clone();
    images.artifacts.retain(|a| !a.control_plane_only);
    assert_eq!(base, kit(worker(), &images).revision());
    assert_ne!(kit(first(), &lock).revision(), kit(first(), &images).revision());
}

#[test]
fn a_bundle_is_the_same_bytes_each_time() {
    let kit = kit(worker(), &lock());
    let bytes = || bundle_archive(&preview(&kit).unwrap().bundle).unwrap();
    assert_eq!(bytes(), bytes());
}

proptest! {
    #[test]
    fn archives_do_not_depend_on_order(mut names in prop::collection::btree_set("[a-z]{1,8}(/[a-z]{1,8})?", 1..8).prop_map(|s| s.into_iter().collect::<Vec<_>>())) {
        let files = |names: &[String]| names.iter().map(|n| ArchiveFile::new(n.as_str(), 0o644, n.as_bytes())).collect::<Vec<_>>();
        let one = tar_gz(&files(&names)).unwrap();
        names.reverse();
        prop_assert_eq!(one, tar_gz(&files(&names)).unwrap());
    }
}
