use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

use super::*;

fn machine() -> Machine {
    Machine {
        node: "worker-1".into(),
        addresses: ["10.0.0.3", "203.0.113.7"].map(|ip| ip.parse().unwrap()).into(),
        names: ["ip-10-0-0-3.compute.internal".to_owned()].into(),
    }
}

/// Whom and what a request is for.
struct Asked<'a> {
    common_name: &'a str,
    organizations: &'a [&'a str],
    sans: &'a [&'a str],
}

const GOOD: Asked<'_> = Asked {
    common_name: "system:node:worker-1",
    organizations: &["system:nodes"],
    sans: &["worker-1", "10.0.0.3", "203.0.113.7"],
};

fn pem(asked: &Asked<'_>) -> String {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // A name holds one value of each sort here; two organizations are told apart by their sort.
    let sorts = [DnType::OrganizationName, DnType::OrganizationalUnitName];
    for (sort, organization) in sorts.into_iter().zip(asked.organizations) {
        params.distinguished_name.push(sort, *organization);
    }
    params.distinguished_name.push(DnType::CommonName, asked.common_name);
    params.subject_alt_names = asked
        .sans
        .iter()
        .map(|san| match (san.parse(), san.split_once(':')) {
            (Ok(ip), _) => SanType::IpAddress(ip),
            (_, Some(("mail", mail))) => SanType::Rfc822Name(mail.try_into().unwrap()),
            (_, Some(_)) => SanType::URI((*san).try_into().unwrap()),
            (_, None) => SanType::DnsName((*san).try_into().unwrap()),
        })
        .collect();
    let key = KeyPair::generate().unwrap();
    params.serialize_request(&key).unwrap().pem().unwrap()
}

fn texts(all: &[&str]) -> Vec<String> {
    all.iter().map(|one| (*one).to_owned()).collect()
}

fn request(asked: &Asked<'_>) -> KubeletRequest {
    KubeletRequest {
        name: "csr-1".into(),
        uid: "a".into(),
        created: Timestamp::UNIX_EPOCH,
        username: "system:node:worker-1".into(),
        groups: texts(&["system:nodes", "system:authenticated"]),
        signer: SIGNER.into(),
        usages: texts(&["digital signature", "server auth"]),
        request_pem: pem(asked),
        stage: Stage::Pending,
    }
}

#[test]
fn a_kubelet_gets_its_own_names_and_addresses() {
    judge(&request(&GOOD), &machine()).unwrap();
    for sans in [
        &["10.0.0.3"][..],
        &["worker-1"],
        &["worker-1", "ip-10-0-0-3.compute.internal", "203.0.113.7"],
    ] {
        judge(&request(&Asked { sans, ..GOOD }), &machine()).unwrap();
    }
    // The order of usages, and a usage that is written twice, mean nothing.
    let mut other = request(&GOOD);
    other.usages = texts(&["server auth", "digital signature", "server auth"]);
    judge(&other, &machine()).unwrap();
}

#[test]
fn whoever_asks_for_anything_else_is_denied() {
    let asked = |asked: Asked<'_>| request(&asked);
    let changed = |change: &dyn Fn(&mut KubeletRequest)| {
        let mut request = request(&GOOD);
        change(&mut request);
        request
    };
    let other = "system:node:control-plane-1";
    let cases = [
        ("another node", asked(Asked { common_name: other, ..GOOD }), "it is for \"system:node:c"),
        ("no node", asked(Asked { common_name: "kubernetes-admin", ..GOOD }), "it is for \"kube"),
        ("masters", asked(Asked { organizations: &["system:masters"], ..GOOD }), "system:masters"),
        ("no group in it", asked(Asked { organizations: &[], ..GOOD }), "its organization is \"\""),
        (
            "more in its subject",
            asked(Asked { organizations: &["system:nodes", "system:masters"], ..GOOD }),
            "its subject has the attribute \"2.5.4.11\"",
        ),
        (
            "another address",
            asked(Asked { sans: &["worker-1", "10.0.0.3", "10.0.0.2"], ..GOOD }),
            "the address 10.0.0.2, which is not worker-1's",
        ),
        ("loopback", asked(Asked { sans: &["127.0.0.1"], ..GOOD }), "the address 127.0.0.1"),
        (
            "another's name",
            asked(Asked { sans: &["control-plane-1", "10.0.0.3"], ..GOOD }),
            "the name \"control-plane-1\", which is not worker-1's",
        ),
        ("a wildcard", asked(Asked { sans: &["*.internal"], ..GOOD }), "the name \"*.internal\""),
        (
            "its own name as a wildcard's part",
            asked(Asked { sans: &["*.worker-1"], ..GOOD }),
            "the name \"*.worker-1\"",
        ),
        (
            "the API server",
            asked(Asked { sans: &["worker-1", "kubernetes.default.svc"], ..GOOD }),
            "the name \"kubernetes.default.svc\"",
        ),
        (
            "mail",
            asked(Asked { sans: &["worker-1", "mail:a@b.example"], ..GOOD }),
            "asks for the name",
        ),
        ("URI", asked(Asked { sans: &["worker-1", "spiffe://a/b"], ..GOOD }), "asks for the name"),
        ("no name at all", asked(Asked { sans: &[], ..GOOD }), "no name and no address"),
        (
            "somebody else asks",
            changed(&|one| one.username = other.into()),
            "system:node:control-plane-1 asks, not system:node:worker-1",
        ),
        ("a person asks", changed(&|one| one.username = "worker-1".into()), "worker-1 asks"),
        (
            "no node asks",
            changed(&|one| one.groups = texts(&["system:authenticated"])),
            "not in the group system:nodes",
        ),
        (
            "a client's certificate",
            changed(&|one| one.usages.push("client auth".into())),
            "the usage \"client auth\"",
        ),
        (
            "only a client's certificate",
            changed(&|one| one.usages = texts(&["digital signature", "client auth"])),
            "does not ask for the usage \"server auth\"",
        ),
        ("no usage", changed(&|one| one.usages.clear()), "does not ask for the usage"),
        (
            "what only RSA keys need",
            changed(&|one| one.usages.push("key encipherment".into())),
            "the usage \"key encipherment\"",
        ),
        ("an authority", changed(&|one| one.usages.push("cert sign".into())), "\"cert sign\""),
        (
            "another signer",
            changed(&|one| one.signer = "kubernetes.io/kube-apiserver-client".into()),
            "the signer kubernetes.io/kube-apiserver-client",
        ),
        ("no request", changed(&|one| one.request_pem = "nothing".into()), "certificate request"),
    ];
    for (what, request, why) in cases {
        let said = judge(&request, &machine()).expect_err(what);
        assert!(said.contains(why), "{what}: {said}");
        let decision = decide(&[&request], &machine());
        assert_eq!(decision.approve, None, "{what}");
        assert_eq!(decision.deny, [("csr-1".to_owned(), said)], "{what}");
    }
}

#[test]
fn the_cloud_decides_what_a_machine_is() {
    let mut moved = machine();
    moved.addresses = ["10.0.0.3".parse().unwrap()].into();
    let said = judge(&request(&GOOD), &moved).unwrap_err();
    assert!(said.contains("203.0.113.7"), "{said}");
}

#[test]
fn the_newest_right_request_is_approved_and_wrong_ones_are_denied() {
    let at = |name: &str, second: i64, stage: Stage| KubeletRequest {
        name: name.into(),
        created: Timestamp::from_second(second).unwrap(),
        stage,
        ..request(&GOOD)
    };
    let forged = KubeletRequest {
        name: "forged".into(),
        created: Timestamp::from_second(9).unwrap(),
        ..request(&Asked { common_name: "system:node:worker-2", ..GOOD })
    };
    let (old, new) = (at("old", 1, Stage::Pending), at("new", 2, Stage::Pending));
    let decision = decide(&[&new, &forged, &old], &machine());
    assert_eq!(decision.approve.as_deref(), Some("new"));
    assert_eq!(decision.deny.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["forged"]);

    // What was approved is not decided again, and what is older than that is left to expire.
    for stage in [Stage::Approved, Stage::Issued("pem".into())] {
        let decision = decide(&[&at("done", 3, stage.clone()), &old], &machine());
        assert_eq!(decision, Decision::default());
        let decision = decide(&[&at("done", 1, stage), &new], &machine());
        assert_eq!(decision.approve.as_deref(), Some("new"));
    }
    // A denied one does not stand in the way of the next.
    let decision = decide(&[&at("done", 3, Stage::Ended), &old], &machine());
    assert_eq!(decision.approve.as_deref(), Some("old"));
}

#[test]
fn a_certificate_lacks_what_it_does_not_name() {
    let names = Names::parse(["worker-1", "10.0.0.3"]).unwrap();
    assert_eq!(lacking(&names, &texts(&["worker-1", "10.0.0.3"])), None);
    assert_eq!(lacking(&names, &texts(&["10.0.0.3", "203.0.113.7"])), Some("203.0.113.7"));
    assert_eq!(lacking(&names, &texts(&["worker-2"])), Some("worker-2"));
}
