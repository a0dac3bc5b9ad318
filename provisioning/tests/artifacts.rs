//! Fetching, verifying, syncing.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use infra_provisioning::artifacts::{
    Arch, ArtifactError, ArtifactKind, CacheState, Catalog, Lock, Mirrors, NoProgress, Progress,
    default_version, fetch, find_checksum, key_of, known_series, parse_version, sha256_bytes,
    sha256_file, stand_ins, sync, take_from_folder, verify,
};
use proptest::prelude::*;
use support::*;

/// The catalog with small files of the test's own.
fn catalog(base: &str) -> Catalog {
    real_catalog(base).without_known_sums()
}

fn real_catalog(base: &str) -> Catalog {
    let mirrors = Mirrors { kubernetes: format!("{base}/k8s"), github: format!("{base}/gh") };
    Catalog::new("1.36.4", Arch::Amd64, &mirrors).unwrap()
}

/// Publishes a small file for every artifact, with its checksum next to it.
fn publish(folder: &Path) {
    for artifact in &catalog("").files {
        let local = |url: &str| folder.join(url.trim_start_matches('/'));
        let (file, sums) =
            (local(artifact.url.as_ref().unwrap()), local(artifact.checksum_url.as_ref().unwrap()));
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        let body = format!("{} {}", artifact.name, artifact.version);
        fs::write(&file, &body).unwrap();
        let sum = sha256_bytes(body.as_bytes());
        // dl.k8s.io has bare digests, releases have lists.
        let text = if artifact.url.as_ref().unwrap().starts_with("/k8s") {
            sum
        } else {
            format!("{}  other.txt\n{sum} *{}\n", "0".repeat(64), artifact.upstream_file)
        };
        fs::write(sums, text).unwrap();
    }
}

#[derive(Default)]
struct Heard(Mutex<BTreeMap<String, (u64, u64)>>);

impl Progress for Heard {
    fn begin(&self, _files: usize, _bytes: u64) {}
    fn moved(&self, file: &str, bytes: u64) {
        self.0.lock().unwrap().entry(file.into()).or_default().0 += bytes;
    }
    fn skipped(&self, file: &str, bytes: u64) {
        self.0.lock().unwrap().entry(file.into()).or_default().1 += bytes;
    }
}

impl Heard {
    fn totals(&self) -> (u64, u64) {
        self.0.lock().unwrap().values().fold((0, 0), |(a, b), (m, s)| (a + m, b + s))
    }
}

#[test]
fn the_catalog_knows_where_things_are() {
    let catalog = Catalog::new("v1.36.4", Arch::Arm64, &Mirrors::default()).unwrap();
    let urls: Vec<&str> = catalog.files.iter().map(|a| a.url.as_deref().unwrap()).collect();
    insta::assert_snapshot!(urls.join("\n"));
    for series in known_series().unwrap() {
        for arch in [Arch::Amd64, Arch::Arm64] {
            let catalog = Catalog::new(&series.kubernetes, arch, &Mirrors::default()).unwrap();
            assert_eq!(catalog.kubernetes, series.latest);
            assert_eq!(catalog.files.len(), 7);
        }
    }
    assert!(parse_version(&default_version().unwrap()).is_some());
    for bad in ["1.12.0", "latest", "", "1", "1.36.x"] {
        let error = Catalog::new(bad, Arch::Amd64, &Mirrors::default()).unwrap_err();
        assert!(error.to_string().contains("known are 1.36, 1.35, 1.34"), "{bad}: {error}");
    }
}

#[tokio::test]
async fn fetch_verifies_pins_and_does_not_fetch_twice() {
    let (site, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    publish(site.path());
    let base = file_server(site.path().to_path_buf()).await;
    let catalog = catalog(&base);
    let heard = Heard::default();
    let lock = fetch(&catalog, cache.path(), None, &heard).await.unwrap();
    assert_eq!(lock.artifacts.len(), 7);
    assert!(verify(&lock, cache.path()).unwrap().iter().all(|v| v.state == CacheState::Good));
    assert_eq!(heard.totals().0, lock.artifacts.iter().map(|l| l.size).sum::<u64>());

    let path = cache.path().join("artifacts.lock");
    lock.write(&path).unwrap();
    assert_eq!(Lock::read(&path).unwrap().as_ref(), Some(&lock));

    // Nothing is asked of the publisher for what is there and pinned.
    let gone = catalog_of_nowhere();
    let heard = Heard::default();
    assert_eq!(fetch(&gone, cache.path(), Some(&lock), &heard).await.unwrap(), lock);
    assert_eq!(heard.totals().0, 0);

    // The publisher changes a file and its checksum: the pin holds.
    let kubeadm = site.path().join("k8s/release/v1.36.4/bin/linux/amd64/kubeadm");
    fs::write(&kubeadm, "changed").unwrap();
    fs::write(kubeadm.with_extension("sha256"), sha256_bytes(b"changed")).unwrap();
    fs::remove_file(cache.path().join("kubeadm-v1.36.4-linux-amd64")).unwrap();
    let error = fetch(&catalog, cache.path(), Some(&lock), &NoProgress).await.unwrap_err();
    assert!(matches!(error, ArtifactError::PinChanged { .. }), "{error}");
    assert!(!cache.path().join("kubeadm-v1.36.4-linux-amd64").exists());

    // Without a pin, a file that is not what its list says is refused.
    fs::write(&kubeadm, "changed again").unwrap();
    let error = fetch(&catalog, cache.path(), None, &NoProgress).await.unwrap_err();
    assert!(
        error.to_string().starts_with("checksum mismatch for kubeadm-v1.36.4: expected"),
        "{error}"
    );
    assert!(!cache.path().join("kubeadm-v1.36.4-linux-amd64").exists());
    assert_eq!(
        fs::read_dir(cache.path()).unwrap().count(),
        7,
        "6 files and the lock: nothing half-written"
    );

    let error = fetch(&gone, cache.path(), None, &NoProgress).await.unwrap_err();
    assert!(error.to_string().contains("infra artifacts fetch --from DIR"), "{error}");
    fs::remove_file(kubeadm.with_extension("sha256")).unwrap();
    let error = fetch(&catalog, cache.path(), None, &NoProgress).await.unwrap_err();
    assert!(error.to_string().contains("the server answers 404"), "{error}");
}

#[tokio::test]
async fn a_publisher_who_changes_file_and_checksum_together_is_refused() {
    let (site, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    publish(site.path());
    let base = file_server(site.path().to_path_buf()).await;
    let error = fetch(&real_catalog(&base), cache.path(), None, &NoProgress).await.unwrap_err();
    assert!(matches!(error, ArtifactError::NotKnown { .. }), "{error}");
    assert_eq!(fs::read_dir(cache.path()).unwrap().count(), 0);
    // What an earlier version pinned is not the file either.
    let lock = fetch(&catalog(&base), cache.path(), None, &NoProgress).await.unwrap();
    let again = fetch(&real_catalog(&base), cache.path(), Some(&lock), &NoProgress).await;
    let error = again.unwrap_err();
    assert!(error.to_string().contains("artifacts.lock has"), "{error}");
    // A folder is no better source.
    let from = cache.path();
    let other = tempfile::tempdir().unwrap();
    let taken = take_from_folder(&real_catalog(&base), from, other.path(), &NoProgress);
    assert!(matches!(taken, Err(ArtifactError::NotKnown { .. })));
}

fn catalog_of_nowhere() -> Catalog {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    catalog(&format!("http://127.0.0.1:{free}"))
}

#[test]
fn a_folder_serves_as_well() {
    let (from, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let catalog = catalog("");
    let error = take_from_folder(&catalog, from.path(), cache.path(), &NoProgress).unwrap_err();
    assert!(error.to_string().contains("kubeadm-v1.36.4-linux-amd64, kubeadm"), "{error}");
    let mut sums = String::new();
    for (n, artifact) in catalog.files.iter().enumerate() {
        let name = if n % 2 == 0 { &artifact.file } else { &artifact.upstream_file };
        fs::write(from.path().join(name), &artifact.name).unwrap();
        sums.push_str(&format!("{}  {name}\n", sha256_bytes(artifact.name.as_bytes())));
    }
    for image in [
        "image-pause-3.10.2-linux-amd64.tar",
        "image-etcd-3.6.8-0-linux-amd64.tar",
        "image-kube-proxy-v1.35.0-linux-amd64.tar",
    ] {
        fs::write(from.path().join(image), image).unwrap();
        sums.push_str(&format!("{}  {image}\n", sha256_bytes(image.as_bytes())));
    }
    let lock = take_from_folder(&catalog, from.path(), cache.path(), &NoProgress).unwrap();
    let images: Vec<_> = lock.artifacts.iter().filter(|l| l.kind == ArtifactKind::Image).collect();
    assert_eq!(
        images.iter().map(|l| l.file.as_str()).collect::<Vec<_>>(),
        ["image-etcd-3.6.8-0-linux-amd64.tar", "image-pause-3.10.2-linux-amd64.tar"]
    );
    assert!(images[0].control_plane_only && !images[1].control_plane_only);
    assert!(verify(&lock, cache.path()).unwrap().iter().all(|v| v.state == CacheState::Good));

    fs::write(from.path().join("SHA256SUMS"), &sums).unwrap();
    assert_eq!(take_from_folder(&catalog, from.path(), cache.path(), &NoProgress).unwrap(), lock);
    fs::write(
        from.path().join("SHA256SUMS"),
        sums.replace(&sha256_bytes(b"runc"), &"1".repeat(64)),
    )
    .unwrap();
    let error = take_from_folder(&catalog, from.path(), cache.path(), &NoProgress).unwrap_err();
    assert!(matches!(error, ArtifactError::Mismatch { .. }), "{error}");
    fs::write(from.path().join("SHA256SUMS"), "").unwrap();
    assert!(matches!(
        take_from_folder(&catalog, from.path(), cache.path(), &NoProgress),
        Err(ArtifactError::NoChecksum { .. })
    ));

    fs::write(cache.path().join("kubelet-v1.36.4-linux-amd64"), "damaged").unwrap();
    fs::remove_file(cache.path().join("kubectl-v1.36.4-linux-amd64")).unwrap();
    let bad: Vec<_> = verify(&lock, cache.path())
        .unwrap()
        .into_iter()
        .filter(|v| v.state != CacheState::Good)
        .collect();
    assert_eq!(bad[0].name, "kubelet-v1.36.4");
    assert_eq!(bad[1].state, CacheState::Missing);
}

#[tokio::test]
async fn a_second_sync_sends_nothing() {
    let store = Store::start(false).await;
    let bucket = store.bucket("sync").await;
    let cache = tempfile::tempdir().unwrap();
    let lock = stand_ins(cache.path(), "1.36.4", Arch::Amd64).unwrap();
    let total: u64 = lock.artifacts.iter().map(|l| l.size).sum();
    let heard = Heard::default();
    let first = sync(&bucket, &lock, cache.path(), &heard).await.unwrap();
    assert_eq!((first.sent_files, first.sent_bytes, first.skipped_files), (14, total, 0));
    assert_eq!(heard.totals(), (total, 0));
    let heard = Heard::default();
    let second = sync(&bucket, &lock, cache.path(), &heard).await.unwrap();
    assert_eq!((second.sent_files, second.sent_bytes, second.skipped_bytes), (0, 0, total));
    assert_eq!(heard.totals(), (0, total));

    // Only what is absent is sent; a damaged file of the cache never is.
    let runc = lock.artifacts.iter().find(|l| l.name == "runc").unwrap();
    bucket.delete(&key_of(runc)).await.unwrap();
    let third = sync(&bucket, &lock, cache.path(), &NoProgress).await.unwrap();
    assert_eq!((third.sent_files, third.sent_bytes), (1, runc.size));
    bucket.delete(&key_of(runc)).await.unwrap();
    fs::write(cache.path().join(&runc.file), "damaged").unwrap();
    assert!(matches!(
        sync(&bucket, &lock, cache.path(), &NoProgress).await,
        Err(ArtifactError::Mismatch { .. })
    ));
    fs::remove_file(cache.path().join(&runc.file)).unwrap();
    assert!(matches!(
        sync(&bucket, &lock, cache.path(), &NoProgress).await,
        Err(ArtifactError::NotCached { .. })
    ));
    assert_eq!(bucket.head(&key_of(runc)).await.unwrap(), None);
}

#[test]
fn stand_ins_are_the_same_everywhere_and_tell_their_version() {
    let (a, b) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let lock = stand_ins(a.path(), "1.36.4", Arch::Amd64).unwrap();
    assert_eq!(stand_ins(b.path(), "v1.36.4", Arch::Amd64).unwrap(), lock);
    assert!(lock.stand_ins);
    for locked in &lock.artifacts {
        assert_eq!(
            sha256_file(&b.path().join(&locked.file)).unwrap(),
            (locked.sha256.clone(), locked.size)
        );
    }
    let kubeadm = fs::read_to_string(a.path().join("kubeadm-v1.36.4-linux-amd64")).unwrap();
    assert!(kubeadm.starts_with("#!/usr/bin/env bash\n"));
    assert!(kubeadm.contains("INFRA_STAND_IN_VERSION=v1.36.4\n"));
    let list = |file: &str| {
        let out = std::process::Command::new("tar")
            .arg("-tvzf")
            .arg(a.path().join(file))
            .output()
            .unwrap();
        String::from_utf8(out.stdout).unwrap()
    };
    let containerd = list("containerd-v2.3.4-linux-amd64.tar.gz");
    assert!(containerd.contains("bin/ctr") && containerd.contains("-rwxr-xr-x"), "{containerd}");
    assert!(list("cni-plugins-v1.9.1-linux-amd64.tar.gz").contains("loopback"));
    let other = stand_ins(b.path(), "1.35.8", Arch::Amd64).unwrap();
    assert_ne!(other.artifacts[0].sha256, lock.artifacts[0].sha256);
}

#[test]
fn a_lock_of_another_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("artifacts.lock");
    assert_eq!(Lock::read(&path).unwrap(), None);
    for (text, reason) in [
        ("version = 2\nfuture = true\n", "its format is 2, this program knows 1"),
        ("not toml", "cannot be used"),
        ("version = 1\nkubernetes = 5\n", "cannot be used"),
    ] {
        fs::write(&path, text).unwrap();
        let error = Lock::read(&path).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

proptest! {
    #[test]
    fn checksums_are_found_by_name_only(names in prop::collection::btree_set("[a-z][a-z0-9.-]{0,12}", 1..6), star in any::<bool>()) {
        let mark = if star { " *" } else { "  " };
        let text: String = names.iter().map(|n| format!("{}{mark}{n}\n", sha256_bytes(n.as_bytes()))).collect();
        for name in &names {
            prop_assert_eq!(find_checksum(&text, name), Some(sha256_bytes(name.as_bytes())));
        }
        prop_assert_eq!(find_checksum(&text, "UPPER"), None);
    }

    #[test]
    fn any_text_is_no_checksum_or_64_digits(text in "\\PC{0,200}") {
        if let Some(sum) = find_checksum(&text, "x") {
            prop_assert!(sum.len() == 64);
        }
    }
}
