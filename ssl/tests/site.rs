//! The authority for sites, its certificates, and certificates that are brought.

mod support;

use infra_ssl::{
    Authority, Brought, BroughtError, LeafRequest, Names, Validity, ensure, has_site_authority,
    node_pki, plan, site_authority, site_leaf_fault, status,
};
use secrecy::{ExposeSecret, SecretString};
use support::{actions, day, snapshot, spec, t0};

fn names(all: &[&str]) -> Names {
    Names::parse(all).unwrap()
}

#[test]
fn the_authority_for_sites_is_made_when_asked_for_and_stays() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path().join("demo");
    ensure(&dir, &spec(), t0()).unwrap();
    assert!(!has_site_authority(&dir) && site_authority(&dir).unwrap().is_none());
    assert!(status(&dir, &spec(), t0()).unwrap().iter().all(|one| one.name != "site-ca"));
    let with = spec().with_site(true);
    assert_eq!(actions(&plan(&dir, &with, t0()).unwrap()), ["create site-ca"]);
    ensure(&dir, &with, t0()).unwrap();
    let files = snapshot(&dir);
    assert_eq!((files["site-ca.key"].1, files["site-ca.crt"].1), (0o600, 0o644));
    ensure(&dir, &with, day(900)).unwrap();
    let later = snapshot(&dir);
    assert_eq!(later["site-ca.key"], files["site-ca.key"], "it is never made again");
    // Control planes get Kubernetes' authorities only.
    let paths: Vec<String> = node_pki(&dir).unwrap().files.into_iter().map(|f| f.path).collect();
    assert!(paths.iter().all(|path| !path.contains("site")), "{paths:?}");
}

#[test]
fn a_sites_certificate_is_due_by_the_rules_of_the_others() {
    let validity = Validity { ca_days: 3650, leaf_days: 90, renew_before_days: 30 };
    let authority = Authority::create("demo site-ca", Some(0), &validity, t0()).unwrap();
    let hosts = names(&["b.example.com", "a.example.com"]);
    let issued = authority.issue(&LeafRequest::site(hosts.clone()), &validity, t0()).unwrap();
    let fault = |hosts: &Names, by: &Authority, day_number: i64| {
        let (cert, key) = (issued.cert_pem.clone(), issued.key.pem().clone());
        site_leaf_fault(by, hosts, Some(cert), Some(key), &validity, day(day_number))
    };
    assert_eq!(fault(&hosts, &authority, 59), None);
    assert_eq!(fault(&hosts, &authority, 61).as_deref(), Some("it ends in 29 days"));
    assert!(fault(&hosts, &authority, 91).unwrap().starts_with("it ended at 2026-05-30"));
    let more = fault(&names(&["a.example.com", "c.example.com"]), &authority, 1).unwrap();
    assert_eq!(more, "its names gain c.example.com and lose b.example.com");
    let other = Authority::create("other site-ca", Some(0), &validity, t0()).unwrap();
    assert!(fault(&hosts, &other, 1).unwrap().contains("not by CN=other site-ca"));
}

#[test]
fn a_name_longer_than_a_common_name_is_no_obstacle() {
    let validity = Validity::default();
    let authority = Authority::create("demo site-ca", Some(0), &validity, t0()).unwrap();
    let long = format!("{}.{}.example.com", "a".repeat(40), "b".repeat(40));
    let request = LeafRequest::site(names(&[&long]));
    let issued = authority.issue(&request, &validity, t0()).unwrap();
    let facts = infra_ssl::certificate_facts(&issued.cert_pem).unwrap();
    assert_eq!((facts.subject.as_str(), facts.names.covers(&long)), ("CN=site", true));
}

#[test]
fn wildcards_stand_for_one_label() {
    let own = names(&["*.example.com", "shop.test"]);
    for (host, covered) in [
        ("a.example.com", true),
        ("A.Example.com", true),
        ("a.b.example.com", false),
        ("example.com", false),
        ("*.example.com", true),
        ("shop.test", true),
        ("www.shop.test", false),
    ] {
        assert_eq!(own.covers(host), covered, "{host}");
    }
}

#[test]
fn brought_files_are_checked_against_each_other_the_hosts_and_the_clock() {
    let validity = Validity { ca_days: 3650, leaf_days: 90, renew_before_days: 30 };
    let authority = Authority::create("Some CA", Some(0), &validity, t0()).unwrap();
    let request = LeafRequest::site(names(&["*.example.com"]));
    let one = authority.issue(&request, &validity, t0()).unwrap();
    let other = authority.issue(&request, &validity, t0()).unwrap();
    let chain = format!("{}{}", one.cert_pem, authority.cert_pem());
    let brought = Brought::read(chain.clone(), one.key.pem().clone()).unwrap();
    assert_eq!(brought.faults(["a.example.com"], day(1)), Vec::<String>::new());
    let faults = brought.faults(["a.example.com", "example.com", "b.a.example.com"], day(1));
    assert_eq!(faults, ["it is for *.example.com, not for example.com, b.a.example.com"]);
    assert_eq!(brought.faults([], day(90)), ["it ended at 2026-05-30T12:00:00Z"]);
    assert_eq!(brought.faults([], day(-1)), ["it is not valid before 2026-03-01T11:00:00Z"]);
    assert!(chain.len() > one.cert_pem.len() && brought.chain_pem == chain);
    // A file of both, as HAProxy takes it: no visitor gets the key.
    let both = format!("{}{}{}", one.cert_pem, one.key.pem().expose_secret(), authority.cert_pem());
    assert_eq!(Brought::read(both, one.key.pem().clone()).unwrap().chain_pem, chain);

    let wrong = Brought::read(chain.clone(), other.key.pem().clone()).unwrap_err();
    assert!(matches!(&wrong, BroughtError::Key(why) if why.contains("does not belong")));
    let garbage =
        SecretString::from("-----BEGIN PRIVATE KEY-----\nhush\n-----END PRIVATE KEY-----\n");
    let wrong = Brought::read(chain, garbage).unwrap_err();
    assert!(matches!(&wrong, BroughtError::Key(why) if !why.contains("hush")), "{wrong}");
    let wrong = Brought::read("nothing".into(), one.key.pem().clone()).unwrap_err();
    assert!(matches!(wrong, BroughtError::Certificate(_)));
    let ca = authority.cert_pem().to_owned();
    let wrong = Brought::read(ca, authority.key().pem().clone()).unwrap_err();
    assert!(matches!(&wrong, BroughtError::Certificate(why) if why.contains("authority")));
}
