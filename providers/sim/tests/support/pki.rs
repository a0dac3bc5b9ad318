//! The authorities of a cluster, made with rcgen.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose, PublicKeyData,
};
use sha2::{Digest, Sha256};

/// The files below `/etc/kubernetes/pki`: (name, content).
pub struct Pki {
    pub files: Vec<(String, String)>,
    /// `sha256:…` of the cluster authority's public key.
    pub pin: String,
}

fn authority(name: &str) -> (String, String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    let cert = params.self_signed(&key).unwrap();
    let pin = format!("sha256:{}", hex::encode(Sha256::digest(key.subject_public_key_info())));
    (cert.pem(), key.serialize_pem(), pin)
}

impl Pki {
    pub fn make() -> Self {
        let mut files = Vec::new();
        let mut pin = String::new();
        for (path, name) in
            [("front-proxy-ca", "front-proxy-ca"), ("etcd/ca", "etcd-ca"), ("ca", "kubernetes")]
        {
            let (cert, key, its_pin) = authority(name);
            files.push((format!("{path}.crt"), cert));
            files.push((format!("{path}.key"), key));
            pin = its_pin;
        }
        let sa = KeyPair::generate().unwrap();
        files.push(("sa.key".to_owned(), sa.serialize_pem()));
        files.push(("sa.pub".to_owned(), sa.public_key_pem()));
        Self { files, pin }
    }
}
