//! The folder: made once, kept byte for byte, renewed when due, authorities never replaced.

mod support;

use std::fs;

use infra_ssl::{
    AuthorityName, ExtraLeaf, LeafRequest, Names, SslError, Verdict, clock_warning, ensure,
    node_pki, plan, status,
};
use support::*;

fn verdict(dir: &std::path::Path, name: &str, at: jiff::Timestamp) -> Verdict {
    let all = status(dir, &spec(), at).unwrap();
    all.iter().find(|s| s.name == name).unwrap().verdict
}

#[test]
fn makes_everything_once_and_is_idempotent_byte_for_byte() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("ssl/demo");
    let planned = plan(&dir, &spec(), t0()).unwrap();
    assert!(!dir.exists(), "a plan writes nothing");
    let made = ensure(&dir, &spec(), t0()).unwrap();
    assert_eq!(actions(&planned), actions(&made));
    insta_like(
        &actions(&made),
        &[
            "create ca",
            "create etcd-ca",
            "create front-proxy-ca",
            "create sa",
            "create bootstrap.secret",
            "create admin",
            "create kubeconfig",
        ],
    );
    let before = snapshot(&dir);
    assert_eq!(ensure(&dir, &spec(), day(1)).unwrap(), vec![]);
    assert_eq!(plan(&dir, &spec(), day(1)).unwrap(), vec![]);
    assert_eq!(snapshot(&dir), before);
}

fn insta_like(got: &[String], wanted: &[&str]) {
    assert_eq!(got, wanted);
}

#[test]
fn keys_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("demo");
    ensure(&dir, &spec(), t0()).unwrap();
    assert_eq!(fs::metadata(&dir).unwrap().permissions().mode() & 0o777, 0o700);
    for (name, (_, mode)) in snapshot(&dir) {
        let wanted = if name.ends_with(".crt") || name.ends_with(".pub") { 0o644 } else { 0o600 };
        assert_eq!(mode, wanted, "{name}");
    }
    fs::set_permissions(dir.join("ca.key"), fs::Permissions::from_mode(0o644)).unwrap();
    let changes = ensure(&dir, &spec(), t0()).unwrap();
    assert_eq!(actions(&changes), ["tighten mode of ca"]);
    assert_eq!(snapshot(&dir)["ca.key"].1, 0o600);
}

#[test]
fn leaves_are_renewed_when_due_and_authorities_are_not() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    ensure(dir, &spec(), t0()).unwrap();
    let before = snapshot(dir);
    assert_eq!(ensure(dir, &spec(), day(334)).unwrap(), vec![]);
    assert_eq!(verdict(dir, "admin", day(336)), Verdict::RenewSoon);
    assert_eq!(verdict(dir, "kubeconfig", day(400)), Verdict::Expired);
    let changes = ensure(dir, &spec(), day(336)).unwrap();
    assert_eq!(actions(&changes), ["renew admin", "re-issue kubeconfig"]);
    assert!(changes[0].reason.contains("29 days") || changes[0].reason.contains("28 days"));
    let after = snapshot(dir);
    for name in
        ["ca.crt", "ca.key", "etcd-ca.crt", "etcd-ca.key", "sa.key", "sa.pub", "bootstrap.secret"]
    {
        assert_eq!(before[name], after[name], "{name}");
    }
    assert_ne!(before["admin.crt"], after["admin.crt"]);
    assert_eq!(verdict(dir, "admin", day(336)), Verdict::Valid);
}

/// Seconds after [`t0`].
fn after(seconds: i64) -> jiff::Timestamp {
    t0() + jiff::SignedDuration::from_secs(seconds)
}

#[test]
fn a_clock_that_is_half_an_hour_ahead_harms_nothing() {
    let temp = tempfile::tempdir().unwrap();
    ensure(temp.path(), &spec(), after(1800)).unwrap();
    assert_eq!(plan(temp.path(), &spec(), t0()).unwrap(), vec![]);
    assert!(
        status(temp.path(), &spec(), t0()).unwrap().iter().all(|s| s.verdict == Verdict::Valid)
    );
}

#[test]
fn what_an_authority_that_has_not_begun_signed_is_not_made_again_and_again() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    ensure(dir, &spec(), after(86_400)).unwrap();
    let before = snapshot(dir);
    assert_eq!(plan(dir, &spec(), t0()).unwrap(), vec![]);
    assert_eq!(ensure(dir, &spec(), t0()).unwrap(), vec![]);
    assert_eq!(snapshot(dir), before);
    for name in ["ca", "etcd-ca", "front-proxy-ca", "admin", "kubeconfig"] {
        assert_eq!(verdict(dir, name, t0()), Verdict::NotYetValid, "{name}");
    }
    let all = status(dir, &spec(), t0()).unwrap();
    assert_eq!(
        clock_warning(&all, t0()).unwrap(),
        "not yet valid: ca, etcd-ca, front-proxy-ca, admin, kubeconfig, until 2026-03-02T11:00:00Z \
         (23h from now); the clock of this machine, 2026-03-01 12:00:00Z, is behind, or that of the \
         machine which made them was ahead"
    );
    assert_eq!(clock_warning(&status(dir, &spec(), day(2)).unwrap(), day(2)), None);
    // A leaf that is missing is made once, and begins with its authority.
    fs::remove_file(dir.join("admin.crt")).unwrap();
    assert_eq!(
        actions(&ensure(dir, &spec(), t0()).unwrap()),
        ["create admin", "re-issue kubeconfig"]
    );
    assert_eq!(ensure(dir, &spec(), t0()).unwrap(), vec![]);
    assert_eq!(verdict(dir, "admin", after(86_400)), Verdict::Valid);
}

#[test]
fn a_leaf_that_has_not_begun_is_renewed_once_under_an_authority_that_has() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    ensure(dir, &spec(), t0()).unwrap();
    fs::remove_file(dir.join("admin.crt")).unwrap();
    ensure(dir, &spec(), day(2)).unwrap();
    assert_eq!(verdict(dir, "admin", day(1)), Verdict::NotYetValid);
    let changes = ensure(dir, &spec(), day(1)).unwrap();
    assert_eq!(actions(&changes), ["renew admin", "re-issue kubeconfig"]);
    assert_eq!(changes[0].reason, "it is not valid before 2026-03-03T11:00:00Z");
    assert_eq!(ensure(dir, &spec(), day(1)).unwrap(), vec![]);
    assert_eq!(verdict(dir, "admin", day(1)), Verdict::Valid);
}

#[test]
fn a_leaf_that_ends_with_its_authority_is_not_renewed_again_and_again() {
    let temp = tempfile::tempdir().unwrap();
    ensure(temp.path(), &spec(), t0()).unwrap();
    let late = day(3640);
    assert_eq!(
        actions(&ensure(temp.path(), &spec(), late).unwrap()),
        ["renew admin", "re-issue kubeconfig"]
    );
    assert_eq!(ensure(temp.path(), &spec(), late).unwrap(), vec![]);
}

#[test]
fn names_subjects_and_servers_cause_a_new_issue() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let mut spec = spec();
    let leaf = |names: &[&str]| ExtraLeaf {
        stem: "apiserver".into(),
        authority: AuthorityName::Kubernetes,
        request: LeafRequest::api_server(Names::parse(names).unwrap()),
    };
    spec.extra = vec![leaf(&["api.example.com", "203.0.113.10"])];
    ensure(dir, &spec, t0()).unwrap();
    assert_eq!(ensure(dir, &spec, t0()).unwrap(), vec![]);
    spec.extra = vec![leaf(&["203.0.113.10", "api.example.com", "10.0.0.5"])];
    let changes = plan(dir, &spec, t0()).unwrap();
    assert_eq!(changes[0].to_string(), "re-issue apiserver: its names gain 10.0.0.5");
    assert_eq!(ensure(dir, &spec, t0()).unwrap(), changes);
    spec.admin_user = "ops".into();
    spec.server = Some("https://203.0.113.99:6443".into());
    let changes = ensure(dir, &spec, t0()).unwrap();
    assert_eq!(actions(&changes), ["re-issue admin", "re-issue kubeconfig"]);
    assert!(
        changes[0].reason.contains("O=kubeadm:cluster-admins, CN=ops"),
        "{}",
        changes[0].reason
    );
    assert_eq!(ensure(dir, &spec, t0()).unwrap(), vec![]);
}

#[test]
fn an_authority_is_never_replaced() {
    for name in ["ca", "etcd-ca", "front-proxy-ca"] {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path();
        ensure(dir, &spec(), t0()).unwrap();
        let (cert, key) = (dir.join(format!("{name}.crt")), dir.join(format!("{name}.key")));

        let kept = fs::read(&key).unwrap();
        fs::remove_file(&key).unwrap();
        let before = snapshot(dir);
        let error = ensure(dir, &spec(), t0()).unwrap_err();
        assert!(matches!(error, SslError::MissingKey { .. }), "{error}");
        assert!(error.to_string().contains(&format!("{name}.key is missing")), "{error}");
        assert!(error.hint().unwrap().contains("from a backup"), "{error}");
        assert_eq!(snapshot(dir), before, "nothing is written");
        assert_eq!(verdict(dir, name, t0()), Verdict::KeyMismatch);

        fs::write(&key, fs::read(dir.join("sa.key")).unwrap()).unwrap();
        assert!(matches!(ensure(dir, &spec(), t0()), Err(SslError::KeyMismatch { .. })));

        fs::write(&key, &kept).unwrap();
        let kept_cert = fs::read(&cert).unwrap();
        fs::remove_file(&cert).unwrap();
        assert!(matches!(ensure(dir, &spec(), t0()), Err(SslError::MissingCertificate { .. })));
        fs::write(&cert, &kept_cert).unwrap();

        let expired = ensure(dir, &spec(), day(3651)).unwrap_err();
        assert!(matches!(expired, SslError::ExpiredAuthority { .. }), "{expired}");
        assert!(expired.to_string().contains("expired at 2036-"), "{expired}");
        assert_eq!(verdict(dir, name, day(3651)), Verdict::Expired);
        fs::write(&cert, b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
            .unwrap();
        assert!(matches!(ensure(dir, &spec(), t0()), Err(SslError::Malformed { .. })));
    }
}

#[test]
fn a_run_killed_between_certificate_and_key_is_completed() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    ensure(dir, &spec(), t0()).unwrap();
    let before = snapshot(dir);
    fs::rename(dir.join("ca.key"), dir.join("ca.key.new")).unwrap();
    fs::remove_file(dir.join("sa.pub")).unwrap();
    assert_eq!(actions(&ensure(dir, &spec(), t0()).unwrap()), ["finish ca", "finish sa"]);
    assert_eq!(snapshot(dir), before);
    // Killed before the certificate: nothing is there yet that anyone could trust.
    let other = tempfile::tempdir().unwrap();
    fs::write(other.path().join("ca.key.new"), "half a key").unwrap();
    assert_eq!(actions(&ensure(other.path(), &spec(), t0()).unwrap())[1], "create ca");
}

#[test]
fn damage_of_a_leaf_is_seen_and_mended() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let other = tempfile::tempdir().unwrap();
    ensure(dir, &spec(), t0()).unwrap();
    ensure(other.path(), &spec(), t0()).unwrap();
    fs::remove_file(dir.join("admin.key")).unwrap();
    assert_eq!(verdict(dir, "admin", t0()), Verdict::KeyMismatch);
    assert_eq!(actions(&ensure(dir, &spec(), t0()).unwrap())[0], "create admin");
    // Same names, same subject, but another cluster's authority: only the signature tells.
    for file in ["admin.crt", "admin.key"] {
        fs::copy(other.path().join(file), dir.join(file)).unwrap();
    }
    assert_eq!(verdict(dir, "admin", t0()), Verdict::WrongIssuer);
    assert_eq!(actions(&ensure(dir, &spec(), t0()).unwrap())[0], "re-issue admin");
    fs::write(dir.join("admin.crt"), "nonsense").unwrap();
    assert_eq!(verdict(dir, "admin", t0()), Verdict::Missing);
    assert_eq!(actions(&ensure(dir, &spec(), t0()).unwrap())[0], "re-issue admin");
    assert!(status(dir, &spec(), t0()).unwrap().iter().all(|s| s.verdict == Verdict::Valid));
}

#[test]
fn a_control_plane_gets_the_authorities_and_nothing_else() {
    let temp = tempfile::tempdir().unwrap();
    assert!(node_pki(temp.path()).is_err());
    ensure(temp.path(), &spec(), t0()).unwrap();
    let files = node_pki(temp.path()).unwrap().files;
    let names: Vec<_> = files.iter().map(|f| (f.path.as_str(), f.mode)).collect();
    assert_eq!(
        names,
        [
            ("ca.crt", 0o644),
            ("ca.key", 0o600),
            ("etcd/ca.crt", 0o644),
            ("etcd/ca.key", 0o600),
            ("front-proxy-ca.crt", 0o644),
            ("front-proxy-ca.key", 0o600),
            ("sa.key", 0o600),
            ("sa.pub", 0o644),
        ]
    );
    assert!(!format!("{files:?}").contains("PRIVATE KEY"));
}
