//! What a third party says of our certificates.

mod support;

use infra_ssl::{
    Authority, AuthorityName, ExtraLeaf, LeafRequest, Names, Profile, Validity, ca_cert_hash,
    certificate_facts, ensure,
};
use secrecy::ExposeSecret;
use support::*;

#[test]
fn openssl_verifies_every_leaf_and_refuses_the_wrong_authority() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    let names = Names::parse([
        "localhost",
        "kubernetes.default.svc.cluster.local",
        "api.example.com",
        "127.0.0.1",
        "10.96.0.1",
        "10.0.0.4",
        "203.0.113.10",
    ])
    .unwrap();
    let leaf = |stem: &str, authority, profile, names: &Names| ExtraLeaf {
        stem: stem.into(),
        authority,
        request: LeafRequest { profile, names: names.clone() },
    };
    let (k, e, f) = (AuthorityName::Kubernetes, AuthorityName::Etcd, AuthorityName::FrontProxy);
    let node = Names::parse(["cp-1", "10.0.0.4", "127.0.0.1", "localhost"]).unwrap();
    let none = Names::default();
    let mut spec = spec();
    spec.extra = vec![
        leaf("apiserver", k, Profile::ApiServer, &names),
        leaf("apiserver-kubelet-client", k, Profile::ApiServerKubeletClient, &none),
        leaf("etcd-server", e, Profile::EtcdServer { node: "cp-1".into() }, &node),
        leaf("etcd-peer", e, Profile::EtcdPeer { node: "cp-1".into() }, &node),
        leaf("etcd-healthcheck", e, Profile::EtcdHealthcheckClient, &none),
        leaf("apiserver-etcd-client", e, Profile::ApiServerEtcdClient, &none),
        leaf("front-proxy-client", f, Profile::FrontProxyClient, &none),
    ];
    // openssl looks at the clock of this machine.
    ensure(dir, &spec, jiff::Timestamp::now()).unwrap();
    let path = |name: &str| dir.join(name).to_string_lossy().into_owned();
    let cases = [
        ("ca.crt", "apiserver.crt", "sslserver", true),
        ("ca.crt", "apiserver.crt", "sslclient", false),
        ("ca.crt", "admin.crt", "sslclient", true),
        ("ca.crt", "admin.crt", "sslserver", false),
        ("ca.crt", "apiserver-kubelet-client.crt", "sslclient", true),
        ("etcd-ca.crt", "etcd-server.crt", "sslserver", true),
        ("etcd-ca.crt", "etcd-server.crt", "sslclient", true),
        ("etcd-ca.crt", "etcd-peer.crt", "sslserver", true),
        ("etcd-ca.crt", "etcd-healthcheck.crt", "sslclient", true),
        ("etcd-ca.crt", "apiserver-etcd-client.crt", "sslclient", true),
        ("front-proxy-ca.crt", "front-proxy-client.crt", "sslclient", true),
        ("etcd-ca.crt", "admin.crt", "sslclient", false),
    ];
    for (ca, cert, purpose, good) in cases {
        let args =
            ["verify", "-x509_strict", "-purpose", purpose, "-CAfile", &path(ca), &path(cert)];
        let Some(out) = openssl(&args) else { return };
        let text = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.success(), good, "{ca} {cert} {purpose}: {text}");
    }
    for name in ["api.example.com", "kubernetes.default.svc.cluster.local"] {
        let out = openssl(&[
            "verify",
            "-CAfile",
            &path("ca.crt"),
            "-verify_hostname",
            name,
            &path("apiserver.crt"),
        ]);
        assert!(out.unwrap().status.success(), "{name}");
    }
    for ip in ["203.0.113.10", "10.96.0.1", "10.0.0.4"] {
        let out = openssl(&[
            "verify",
            "-CAfile",
            &path("ca.crt"),
            "-verify_ip",
            ip,
            &path("apiserver.crt"),
        ]);
        assert!(out.unwrap().status.success(), "{ip}");
    }
    let out = openssl(&["pkey", "-in", &path("sa.key"), "-pubout"]).unwrap();
    assert_eq!(
        String::from_utf8(out.stdout).unwrap().trim(),
        std::fs::read_to_string(dir.join("sa.pub")).unwrap().replace("\r\n", "\n").trim()
    );
}

#[test]
fn the_pin_is_what_openssl_computes() {
    let temp = tempfile::tempdir().unwrap();
    ensure(temp.path(), &spec(), t0()).unwrap();
    let ca = temp.path().join("ca.crt");
    let ours = ca_cert_hash(&std::fs::read_to_string(&ca).unwrap()).unwrap();
    let Some(public) = openssl(&["x509", "-in", ca.to_str().unwrap(), "-pubkey", "-noout"]) else {
        return;
    };
    let file = temp.path().join("pub.pem");
    std::fs::write(&file, public.stdout).unwrap();
    let der = openssl(&["pkey", "-pubin", "-in", file.to_str().unwrap(), "-outform", "der"])
        .unwrap()
        .stdout;
    use sha2::Digest;
    assert_eq!(ours, format!("sha256:{}", hex::encode(sha2::Sha256::digest(der))));
}

#[test]
fn an_authority_made_by_openssl_signs_our_leaves() {
    let temp = tempfile::tempdir().unwrap();
    let path = |n: &str| temp.path().join(n).to_string_lossy().into_owned();
    for (algorithm, option) in [("EC", "ec_paramgen_curve:P-256"), ("RSA", "rsa_keygen_bits:2048")]
    {
        let args = [
            "req",
            "-x509",
            "-newkey",
            algorithm,
            "-pkeyopt",
            option,
            "-nodes",
            "-days",
            "100",
            "-subj",
            "/O=Example/CN=theirs",
            "-keyout",
            &path("k"),
            "-out",
            &path("c"),
        ];
        let Some(out) = openssl(&args) else { return };
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        let key =
            infra_ssl::PrivateKey::from_pem(&std::fs::read_to_string(path("k")).unwrap().into())
                .unwrap();
        let authority =
            Authority::from_parts(std::fs::read_to_string(path("c")).unwrap(), key).unwrap();
        let issued = authority
            .issue(&LeafRequest::admin("ops"), &Validity::default(), jiff::Timestamp::now())
            .unwrap();
        let facts = certificate_facts(&issued.cert_pem).unwrap();
        assert!(facts.signed_by(authority.facts()));
        assert_eq!(
            facts.not_after,
            authority.facts().not_after,
            "cut short by the authority's end"
        );
        std::fs::write(path("leaf"), &issued.cert_pem).unwrap();
        let out = openssl(&["verify", "-CAfile", &path("c"), &path("leaf")]).unwrap();
        assert!(out.status.success(), "{algorithm}");
        assert!(issued.key.pem().expose_secret().contains("BEGIN PRIVATE KEY"));
    }
}
