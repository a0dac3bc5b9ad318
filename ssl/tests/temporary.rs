//! Certificates that are handed out and end soon.

mod support;

use infra_ssl::{Authority, TemporaryAdmin, Validity, certificate_facts, ensure};
use jiff::SignedDuration;
use secrecy::ExposeSecret;
use support::{day, snapshot, spec, t0};

const EIGHT: SignedDuration = SignedDuration::from_hours(8);

#[test]
fn it_ends_when_it_was_asked_to_and_leaves_nothing_behind() {
    let temp = tempfile::tempdir().unwrap();
    ensure(temp.path(), &spec(), t0()).unwrap();
    let before = snapshot(temp.path());

    let one = TemporaryAdmin::issue(temp.path(), "ops", EIGHT, day(1)).unwrap();
    assert_eq!(one.ends, day(1) + EIGHT);
    let facts = certificate_facts(&one.credentials.cert_pem).unwrap();
    assert_eq!(facts.not_after, one.ends);
    // A clock that is up to an hour behind takes it, too.
    assert_eq!(facts.not_before, day(1) - SignedDuration::from_hours(1));
    assert_eq!(facts.subject, format!("O=kubeadm:cluster-admins, CN={}", one.user));
    assert!(!facts.is_authority);
    let ca = String::from_utf8(before["ca.crt"].0.clone()).unwrap();
    assert_eq!(facts.issuer, certificate_facts(&ca).unwrap().subject);
    assert!(one.credentials.key_pem.expose_secret().contains("PRIVATE KEY"));

    let two = TemporaryAdmin::issue(temp.path(), "ops", EIGHT, day(1)).unwrap();
    assert_ne!(one.user, two.user);
    assert!(snapshot(temp.path()) == before, "a file was written");
}

#[test]
fn lives_out_of_bounds_are_refused() {
    let temp = tempfile::tempdir().unwrap();
    ensure(temp.path(), &spec(), t0()).unwrap();
    for life in [
        SignedDuration::from_mins(4),
        SignedDuration::from_hours(7 * 24 + 1),
        -SignedDuration::from_hours(1),
        SignedDuration::ZERO,
    ] {
        let error = TemporaryAdmin::issue(temp.path(), "ops", life, day(1)).unwrap_err();
        assert!(error.to_string().contains("out of bounds"), "{error}");
    }
    for life in [TemporaryAdmin::SHORTEST, TemporaryAdmin::LONGEST] {
        TemporaryAdmin::issue(temp.path(), "ops", life, day(1)).unwrap();
    }
}

#[test]
fn an_authority_that_is_not_there_not_yet_or_no_longer_signs_nothing() {
    let temp = tempfile::tempdir().unwrap();
    let issue = |now| TemporaryAdmin::issue(temp.path(), "ops", EIGHT, now);
    assert_eq!(issue(t0()).unwrap_err().code(), "malformed");
    ensure(temp.path(), &spec(), t0()).unwrap();
    let ends = day(3650);
    assert_eq!(issue(ends).unwrap_err().code(), "expired-authority");
    let late = issue(ends - SignedDuration::from_hours(1)).unwrap_err();
    assert!(late.to_string().contains("before the certificate would"), "{late}");
    let early = issue(day(-1)).unwrap_err();
    assert!(early.to_string().contains("later than the clock of this machine"), "{early}");
}

#[test]
fn a_key_of_another_authority_is_not_used() {
    let temp = tempfile::tempdir().unwrap();
    ensure(temp.path(), &spec(), t0()).unwrap();
    let other = Authority::create("other", Some(0), &Validity::default(), t0()).unwrap();
    std::fs::write(temp.path().join("ca.key"), other.key().pem().expose_secret()).unwrap();
    let error = TemporaryAdmin::issue(temp.path(), "ops", EIGHT, day(1)).unwrap_err();
    assert_eq!(error.code(), "key-mismatch");
}
