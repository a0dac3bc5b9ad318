//! The certificates phase: checks the authorities on the disk, issues everything signed by them.

use std::net::IpAddr;

use rcgen::{CertificateParams, IsCa, KeyPair, PublicKeyData};

use super::authority::{Authority, Leaf, distinguished, failed};
use super::types::ClusterConfiguration;
use crate::stand_in::values::duration;
use crate::stand_in::{Context, Failure};

pub(super) const PKI: &str = "/etc/kubernetes/pki";

/// The authorities that have to be on the disk before kubeadm runs.
pub const AUTHORITIES: [&str; 3] = ["ca", "front-proxy-ca", "etcd/ca"];

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

/// Lists the names and addresses of the API server's certificate, each once.
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

/// Returns the first address of the service network: that of the Service `kubernetes`.
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

/// Makes a request for the kubelet's client certificate: (request, key), both in PEM.
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
