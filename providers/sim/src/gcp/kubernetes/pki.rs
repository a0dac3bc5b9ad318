//! The certificates of a cluster: its authority, and the API server's own.

use std::net::IpAddr;

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, KeyPair, KeyUsagePurpose};
use time::{Duration, OffsetDateTime};

use crate::stand_in::kubeadm::{Authority, Leaf};

/// How long an authority is valid, as GKE's are.
const YEARS: i64 = 30;

/// Makes an authority: its certificate and its key, in PEM.
///
/// # Errors
/// Returns a sentence if it can't be made.
pub fn authority(name: &str) -> Result<(String, String), String> {
    let key = KeyPair::generate().map_err(|e| e.to_string())?;
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    params.not_before = OffsetDateTime::now_utc() - Duration::hours(1);
    params.not_after = OffsetDateTime::now_utc() + Duration::days(365 * YEARS);
    let certificate = params.self_signed(&key).map_err(|e| e.to_string())?;
    Ok((certificate.pem(), key.serialize_pem()))
}

/// Issues the certificate that an API server serves with: certificate and key, in PEM.
///
/// # Errors
/// Returns a sentence if the authority can't be used.
pub fn server(
    ca_pem: &str,
    key_pem: &str,
    endpoint: IpAddr,
    service: Option<IpAddr>,
) -> Result<(String, String), String> {
    let authority = Authority::from_pem("ca", ca_pem.to_owned(), key_pem).map_err(|e| e.message)?;
    let mut sans: Vec<String> = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ]
    .map(str::to_owned)
    .to_vec();
    sans.extend([endpoint].into_iter().chain(service).map(|ip| ip.to_string()));
    let leaf = Leaf { common_name: &endpoint.to_string(), sans, ..Leaf::default() };
    authority.issue(&leaf).map_err(|e| e.message)
}
