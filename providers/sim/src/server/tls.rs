//! The embedded cloud's certificate authority and its server certificate.

use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, SanType,
};
use rustls::ServerConfig;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use time::{Duration, OffsetDateTime};

use crate::error::SimError;

/// The certificate authority of an embedded cloud.
pub struct Authority {
    /// The PEM file clients trust.
    pub ca_file: PathBuf,
    ca_pem: String,
    key_pem: String,
}

fn tls(e: impl std::fmt::Display) -> SimError {
    SimError::Tls(e.to_string())
}

impl Authority {
    /// Loads the authority of a data folder, or makes one. It is never replaced: clients trust it.
    ///
    /// # Errors
    /// Returns an error if its files can't be read or written.
    pub fn open(data: &Path) -> Result<Self, SimError> {
        let (ca_file, key_file) = (data.join("ca.pem"), data.join("ca.key"));
        if !ca_file.exists() {
            let key = KeyPair::generate().map_err(tls)?;
            let certificate = ca_params().self_signed(&key).map_err(tls)?;
            // The key first: a certificate without its key would be kept for ever.
            crate::files::write_private(&key_file, key.serialize_pem().as_bytes())?;
            crate::files::write_private(&ca_file, certificate.pem().as_bytes())?;
        }
        let read =
            |path: &Path| std::fs::read_to_string(path).map_err(|e| SimError::io("read", path, e));
        Ok(Self { ca_pem: read(&ca_file)?, key_pem: read(&key_file)?, ca_file })
    }

    /// Makes the TLS of the API and S3: a fresh certificate for 127.0.0.1 and localhost, HTTP/2 and
    /// HTTP/1.1.
    ///
    /// # Errors
    /// Returns an error if the certificate can't be made.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, SimError> {
        let ca_key = KeyPair::from_pem(&self.key_pem).map_err(tls)?;
        let issuer = Issuer::from_ca_cert_pem(&self.ca_pem, ca_key).map_err(tls)?;
        let key = KeyPair::generate().map_err(tls)?;
        let leaf = leaf_params()?.signed_by(&key, &issuer).map_err(tls)?;
        let mut chain = vec![leaf.der().clone()];
        chain.extend(CertificateDer::from_pem_slice(self.ca_pem.as_bytes()).ok());
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(tls)?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(tls)?
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .map_err(tls)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }
}

fn name(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn ca_params() -> CertificateParams {
    let mut p = CertificateParams::default();
    p.distinguished_name = name("infra embedded cloud");
    p.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    p.key_usages = vec![
        KeyUsagePurpose::KeyCertSign,
        KeyUsagePurpose::CrlSign,
        KeyUsagePurpose::DigitalSignature,
    ];
    p.not_before = OffsetDateTime::now_utc() - Duration::hours(1);
    p.not_after = OffsetDateTime::now_utc() + Duration::days(3650);
    p
}

fn leaf_params() -> Result<CertificateParams, SimError> {
    let mut p = CertificateParams::new(vec!["localhost".to_owned()]).map_err(tls)?;
    p.subject_alt_names.push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
    p.distinguished_name = name("infra embedded cloud API");
    p.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    p.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    p.use_authority_key_identifier_extension = true;
    p.not_before = OffsetDateTime::now_utc() - Duration::hours(1);
    p.not_after = OffsetDateTime::now_utc() + Duration::days(365);
    Ok(p)
}
