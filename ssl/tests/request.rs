//! Reading certificate requests: what is not read must not count elsewhere.

use infra_ssl::request_facts;
use rcgen::{CertificateParams, DnType, KeyPair, SanType};

fn params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
    params.distinguished_name.push(DnType::CommonName, "system:node:worker-1");
    params.subject_alt_names = vec![
        SanType::DnsName("worker-1".try_into().unwrap()),
        SanType::IpAddress("10.0.0.3".parse().unwrap()),
    ];
    params
}

fn pem(params: &CertificateParams) -> String {
    let key = KeyPair::generate().unwrap();
    params.serialize_request(&key).unwrap().pem().unwrap()
}

#[test]
fn a_request_says_what_it_asks_for() {
    let mut all = params();
    all.distinguished_name.push(DnType::LocalityName, "here");
    all.subject_alt_names.push(SanType::Rfc822Name("a@example.com".try_into().unwrap()));
    all.subject_alt_names.push(SanType::URI("spiffe://a/b".try_into().unwrap()));
    let facts = request_facts(&pem(&all)).unwrap();
    assert_eq!(facts.common_names, ["system:node:worker-1"]);
    assert_eq!(facts.organizations, ["system:nodes"]);
    assert_eq!(facts.further_subject, ["2.5.4.7"]);
    assert_eq!(facts.names.texts(), ["worker-1", "10.0.0.3"]);
    assert_eq!(facts.other_names.len(), 2, "{facts:?}");
    assert!(!facts.is_rsa);
}

#[test]
fn what_cannot_be_read_whole_is_refused() {
    let good = pem(&params());
    let mut further = params();
    further.key_usages = vec![rcgen::KeyUsagePurpose::KeyCertSign];
    let mut der = pem::parse(&good).unwrap().into_contents();
    let last = der.len() - 1;
    der[last] ^= 1;
    let changed = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", der.clone()));
    der[last] ^= 1;
    der.push(0);
    let longer = pem::encode(&pem::Pem::new("CERTIFICATE REQUEST", der));
    for (what, text) in [
        ("nothing", String::new()),
        ("two requests", format!("{good}{good}")),
        ("another block", good.replace("CERTIFICATE REQUEST", "CERTIFICATE")),
        ("a further extension", pem(&further)),
        ("another signature", changed),
        ("something after it", longer),
    ] {
        assert!(request_facts(&text).is_err(), "{what} is read as a request");
    }
    request_facts(&good).unwrap();
}
