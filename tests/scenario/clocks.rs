//! Certificates that were made on a clock that is ahead.

use infra_ssl::{PkiSpec, Validity, ensure};
use jiff::{SignedDuration, Timestamp};

use super::lab::{Config, Lab};

/// A cluster whose authorities were made on a clock that is ahead by so much.
fn ahead(by: SignedDuration) -> Lab {
    let lab = Config { control_planes: 1, workers: 1 }.lab();
    let validity = Validity { ca_days: 3650, leaf_days: 365, renew_before_days: 60 };
    let spec = PkiSpec::new("lab")
        .with_server("https://203.0.113.10:6443".to_owned())
        .with_validity(validity);
    ensure(&lab.file("ssl/lab"), &spec, Timestamp::now() + by).unwrap();
    lab
}

#[test]
fn half_an_hour_is_nothing() {
    let lab = ahead(SignedDuration::from_mins(30));
    let certs = lab.run_bare(&["certs"]).ok();
    assert_eq!(certs.stderr, "");
    assert!(!certs.stdout.contains("not yet valid"), "{certs}");
}

#[test]
fn a_day_is_said_by_every_verb_and_changes_nothing() {
    let lab = ahead(SignedDuration::from_hours(24));
    let certs = lab.run_bare(&["certs"]).ok().says("not yet valid: begins ");
    assert!(!certs.stdout.contains("expired"), "{certs}");
    certs.warns("the clock of this machine, ").warns("not yet valid: ca, etcd-ca, front-proxy-ca");
    lab.run_bare(&["certs", "--json"]).ok().says("\"verdict\": \"not yet valid\"");
    lab.run_bare(&["kubeconfig", "--print"]).ok().says("clusters:").warns("not yet valid: ca");
    let words = ["--phase", "infra", "--target", "certificate.admin"];
    lab.run(&[&["apply", "--yes"], &words[..]].concat()).ok();
    let plan = lab.run(&[&["plan", "--detailed-exitcode"], &words[..]].concat()).ok();
    plan.says("No changes.").says("note: not yet valid: ca, ");
    lab.run(&["status"]).ok().says("Certificates    not yet valid: ca, ");
}
