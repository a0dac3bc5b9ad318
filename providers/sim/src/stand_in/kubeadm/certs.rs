//! The certificates phase: uses the authorities on the disk, issues leaves signed by them.

use std::net::IpAddr;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType,
};
use time::{Duration, OffsetDateTime};

use super::types::ClusterConfiguration;
use crate::stand_in::values::duration;
use crate::stand_in::{Context, Failure};

const PKI: &str = "/etc/kubernetes/pki";

/// The authorities that have to be on the disk before kubeadm runs.
pub const AUTHORITIES: [&str; 3] = ["ca", "front-proxy-ca", "etcd/ca"];

/// A certificate authority: its certificate and its key.
pub struct Authority {
    /// Its certificate in PEM.
    pub cert_pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Reads an authority and checks that its key belongs to its certificate.
    ///
    /// # Errors
    /// When a file is missing, unreadable, expired, no authority, or the two don't match.
    pub fn load(context: &Context, name: &str) -> Result<Self, Failure> {
        let read = |suffix: &str| {
            context.read(&format!("{PKI}/{name}.{suffix}")).ok_or_else(|| {
                failed(&format!(
                    "failure loading {name} certificate authority: couldn't load the {} file {PKI}/{name}.{suffix}: no such file or directory",
                    if suffix == "crt" { "certificate" } else { "private key" }
                ))
            })
        };
        Self::from_pem(name, read("crt")?, &read("key")?)
    }

    /// An authority from its two PEM texts.
    ///
    /// # Errors
    /// When they can't be read, don't match, or the certificate is expired or no authority.
    pub fn from_pem(name: &str, cert_pem: String, key_pem: &str) -> Result<Self, Failure> {
        let bad = |reason: String| {
            failed(&format!("failure loading {name} certificate authority: {reason}"))
        };
        let key = KeyPair::from_pem(key_pem).map_err(|e| bad(format!("private key: {e}")))?;
        check_authority(&cert_pem, &key).map_err(bad)?;
        let issuer = Issuer::from_ca_cert_pem(&cert_pem, key).map_err(|e| bad(e.to_string()))?;
        Ok(Self { cert_pem, issuer })
    }

    /// Issues a leaf for a fresh key; answers certificate and key in PEM.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn issue(&self, leaf: &Leaf<'_>) -> Result<(String, String), Failure> {
        let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
            .map_err(|e| failed(&e.to_string()))?;
        let params = leaf.params()?;
        let cert = params.signed_by(&key, &self.issuer).map_err(|e| failed(&e.to_string()))?;
        Ok((cert.pem(), key.serialize_pem()))
    }

    /// Signs a kubelet's request for a client certificate, after checking what it asks for.
    ///
    /// # Errors
    /// When it isn't a request of the node `name`.
    pub fn sign_kubelet(&self, csr_pem: &str, name: &str) -> Result<String, Failure> {
        let csr = rcgen::CertificateSigningRequestParams::from_pem(csr_pem)
            .map_err(|e| Failure::new(format!("certificate request: {e}")))?;
        let leaf = Leaf {
            common_name: &format!("system:node:{name}"),
            organization: Some("system:nodes"),
            ..Leaf::default()
        };
        let mut signed = rcgen::CertificateSigningRequestParams {
            params: leaf.params()?,
            public_key: csr.public_key,
        };
        signed.params.distinguished_name = distinguished(&leaf);
        signed.signed_by(&self.issuer).map(|c| c.pem()).map_err(|e| Failure::new(e.to_string()))
    }
}

/// What a leaf certificate says.
#[derive(Default)]
pub struct Leaf<'a> {
    pub common_name: &'a str,
    pub organization: Option<&'a str>,
    /// DNS names and addresses; a certificate with any is for servers.
    pub sans: Vec<String>,
    /// A certificate for servers that is also one for clients.
    pub peer: bool,
    /// A year when absent.
    pub validity: Option<std::time::Duration>,
}

impl Leaf<'_> {
    fn params(&self) -> Result<CertificateParams, Failure> {
        let mut params = CertificateParams::default();
        params.distinguished_name = distinguished(self);
        params.is_ca = IsCa::NoCa;
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        let server = !self.sans.is_empty();
        if server {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ServerAuth);
        }
        if !server || self.peer {
            params.extended_key_usages.push(ExtendedKeyUsagePurpose::ClientAuth);
        }
        for san in &self.sans {
            params.subject_alt_names.push(match san.parse::<IpAddr>() {
                Ok(ip) => SanType::IpAddress(ip),
                Err(_) => SanType::DnsName(
                    san.as_str().try_into().map_err(|e| failed(&format!("{san}: {e}")))?,
                ),
            });
        }
        let now = OffsetDateTime::now_utc();
        params.not_before = now - Duration::minutes(1);
        let year = std::time::Duration::from_secs(365 * 24 * 3600);
        params.not_after = now + self.validity.unwrap_or(year);
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }
}

fn distinguished(leaf: &Leaf<'_>) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if let Some(organization) = leaf.organization {
        name.push(DnType::OrganizationName, organization);
    }
    name.push(DnType::CommonName, leaf.common_name);
    name
}

fn check_authority(cert_pem: &str, key: &KeyPair) -> Result<(), String> {
    let (_, pem) =
        x509_parser::pem::parse_x509_pem(cert_pem.as_bytes()).map_err(|e| e.to_string())?;
    let cert = pem.parse_x509().map_err(|e| e.to_string())?;
    if !cert.is_ca() {
        return Err("certificate is not a certificate authority".to_owned());
    }
    if !cert.validity().is_valid() {
        return Err(format!(
            "certificate is not valid now (valid until {})",
            cert.validity().not_after
        ));
    }
    if cert.public_key().raw != key.subject_public_key_info() {
        return Err("the private key doesn't match the certificate".to_owned());
    }
    Ok(())
}

fn failed(reason: &str) -> Failure {
    Failure::new(format!("error execution phase certs: {reason}"))
}

/// Checks that all that `init` or a joining control plane needs is there and matches.
pub fn check_inputs(context: &Context) -> Result<(), Failure> {
    for name in AUTHORITIES {
        Authority::load(context, name)?;
    }
    let read = |path: &str| {
        context.read(&format!("{PKI}/{path}")).ok_or_else(|| {
            failed(&format!("failure loading key for service account: couldn't load the file {PKI}/{path}: no such file or directory"))
        })
    };
    let (private, public) = (read("sa.key")?, read("sa.pub")?);
    let key = KeyPair::from_pem(&private).map_err(|e| failed(&format!("{PKI}/sa.key: {e}")))?;
    let public = pem::parse(&public).map_err(|e| failed(&format!("{PKI}/sa.pub: {e}")))?;
    if public.contents() != key.subject_public_key_info() {
        return Err(failed(&format!("{PKI}/sa.pub doesn't belong to {PKI}/sa.key")));
    }
    Ok(())
}

/// Issues everything a control plane needs below `/etc/kubernetes/pki`.
pub fn issue_all(
    context: &Context,
    cluster: &ClusterConfiguration,
    node: &str,
    advertise: IpAddr,
) -> Result<(), Failure> {
    println!("[certs] Using certificateDir folder \"{PKI}\"");
    for name in AUTHORITIES {
        println!("[certs] Using existing {name} certificate authority");
    }
    println!("[certs] Using the existing \"sa\" key");
    let validity = cluster.certificate_validity_period.as_deref().and_then(duration);
    let ca = Authority::load(context, "ca")?;
    let front = Authority::load(context, "front-proxy-ca")?;
    let etcd = Authority::load(context, "etcd/ca")?;
    let sans = server_names(cluster, node, advertise)?;
    println!("[certs] apiserver serving cert is signed for {}", sans.join(", "));
    let local = cluster.etcd.as_ref().and_then(|e| e.local.as_ref());
    let etcd_names = |extra: Option<&Vec<String>>| {
        let mut names = vec![
            node.to_owned(),
            "localhost".to_owned(),
            advertise.to_string(),
            "127.0.0.1".to_owned(),
            "::1".to_owned(),
        ];
        names.extend(extra.into_iter().flatten().cloned());
        names
    };
    let client = |common_name: &'static str, organization: Option<&'static str>| Leaf {
        common_name,
        organization,
        validity,
        ..Leaf::default()
    };
    let server = |common_name: &'static str, sans: Vec<String>, peer: bool| Leaf {
        common_name,
        organization: None,
        sans,
        peer,
        validity,
    };
    let admins = Some("kubeadm:cluster-admins");
    let leaves = [
        (&ca, "apiserver", server("kube-apiserver", sans, false)),
        (&ca, "apiserver-kubelet-client", client("kube-apiserver-kubelet-client", admins)),
        (&front, "front-proxy-client", client("front-proxy-client", None)),
        (
            &etcd,
            "etcd/server",
            server("kube-etcd", etcd_names(local.map(|l| &l.server_cert_sans)), true),
        ),
        (
            &etcd,
            "etcd/peer",
            server("kube-etcd-peer", etcd_names(local.map(|l| &l.peer_cert_sans)), true),
        ),
        (&etcd, "etcd/healthcheck-client", client("kube-etcd-healthcheck-client", None)),
        (&etcd, "apiserver-etcd-client", client("kube-apiserver-etcd-client", None)),
    ];
    for (authority, name, leaf) in leaves {
        let (cert, key) = authority.issue(&leaf)?;
        context.write(&format!("{PKI}/{name}.crt"), &cert, 0o644)?;
        context.write(&format!("{PKI}/{name}.key"), &key, 0o600)?;
        println!("[certs] Generating \"{name}\" certificate and key");
    }
    Ok(())
}

/// The names and addresses of the API server's certificate.
fn server_names(
    cluster: &ClusterConfiguration,
    node: &str,
    advertise: IpAddr,
) -> Result<Vec<String>, Failure> {
    let mut names = vec![
        node.to_owned(),
        "kubernetes".to_owned(),
        "kubernetes.default".to_owned(),
        "kubernetes.default.svc".to_owned(),
        format!("kubernetes.default.svc.{}", cluster.networking.dns_domain),
    ];
    names.push(service_ip(cluster)?.to_string());
    names.push(advertise.to_string());
    if let Some((host, _)) = kubeconfig_endpoint(&cluster.control_plane_endpoint) {
        names.push(host);
    }
    names.extend(cluster.api_server.cert_sans.iter().cloned());
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|n| seen.insert(n.clone()));
    Ok(names)
}

fn kubeconfig_endpoint(endpoint: &str) -> Option<(String, u16)> {
    (!endpoint.is_empty()).then(|| super::kubeconfig::host_port(endpoint, 6443))
}

/// The first address of the service network: that of the Service `kubernetes`.
fn service_ip(cluster: &ClusterConfiguration) -> Result<IpAddr, Failure> {
    let net: ipnet::IpNet = cluster
        .networking
        .service_subnet
        .split(',')
        .next()
        .and_then(|n| n.parse().ok())
        .ok_or_else(|| failed("networking.serviceSubnet is no subnet"))?;
    net.hosts().next().ok_or_else(|| failed("networking.serviceSubnet has no addresses"))
}

/// A request for the kubelet's client certificate: (request, key), both in PEM.
pub fn kubelet_request(node: &str) -> Result<(String, String), Failure> {
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)
        .map_err(|e| failed(&e.to_string()))?;
    let common_name = format!("system:node:{node}");
    let leaf =
        Leaf { common_name: &common_name, organization: Some("system:nodes"), ..Leaf::default() };
    let mut params = CertificateParams::default();
    params.distinguished_name = distinguished(&leaf);
    params.is_ca = IsCa::NoCa;
    let request = params.serialize_request(&key).map_err(|e| failed(&e.to_string()))?;
    let text = request.pem().map_err(|e| failed(&e.to_string()))?;
    Ok((text, key.serialize_pem()))
}
