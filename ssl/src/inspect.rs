//! Reading certificates.

use std::net::IpAddr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::error::{Result, SslError};
use crate::names::Names;

/// What a certificate says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Distinguished name, `O=…, CN=…`.
    pub subject: String,
    /// The issuer's distinguished name.
    pub issuer: String,
    /// First moment it is valid.
    pub not_before: Timestamp,
    /// First moment it is no longer valid.
    pub not_after: Timestamp,
    /// Subject alternative names.
    pub names: Names,
    /// Whether basic constraints allow it to sign others.
    pub is_authority: bool,
    /// Extended key usages: server and client authentication.
    pub server_auth: bool,
    /// See `server_auth`.
    pub client_auth: bool,
    /// DER of its SubjectPublicKeyInfo.
    pub public_der: Vec<u8>,
    pub(crate) der: Vec<u8>,
}

impl CertificateFacts {
    /// Returns the SHA-256 of the certificate, in hexadecimal digits.
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.der))
    }

    /// Returns true if `authority`'s key really signed this certificate and the names agree.
    pub fn signed_by(&self, authority: &CertificateFacts) -> bool {
        if self.issuer != authority.subject || !authority.is_authority {
            return false;
        }
        let (Ok((_, leaf)), Ok((_, ca))) =
            (X509Certificate::from_der(&self.der), X509Certificate::from_der(&authority.der))
        else {
            return false;
        };
        leaf.verify_signature(Some(ca.public_key())).is_ok()
    }
}

/// Reads the first certificate of a PEM text.
pub fn certificate_facts(cert_pem: &str) -> Result<CertificateFacts> {
    let refuse = |reason: String| SslError::Pem { what: "certificate", reason };
    let block = pem::parse_many(cert_pem)
        .map_err(|e| refuse(e.to_string()))?
        .into_iter()
        .find(|p| p.tag() == "CERTIFICATE")
        .ok_or_else(|| refuse("it has no CERTIFICATE block".into()))?;
    let der = block.into_contents();
    let (_, cert) = X509Certificate::from_der(&der).map_err(|e| refuse(e.to_string()))?;
    let time = |t: i64| Timestamp::from_second(t).map_err(|e| refuse(e.to_string()));
    let usage = cert.extended_key_usage().ok().flatten().map(|e| e.value);
    Ok(CertificateFacts {
        subject: cert.subject().to_string(),
        issuer: cert.issuer().to_string(),
        not_before: time(cert.validity().not_before.timestamp())?,
        not_after: time(cert.validity().not_after.timestamp())?,
        names: alternative_names(&cert),
        is_authority: cert.is_ca(),
        server_auth: usage.is_some_and(|u| u.server_auth || u.any),
        client_auth: usage.is_some_and(|u| u.client_auth || u.any),
        public_der: cert.public_key().raw.to_vec(),
        der: der.clone(),
    })
}

fn alternative_names(cert: &X509Certificate<'_>) -> Names {
    let mut names = Names::default();
    let Ok(Some(extension)) = cert.subject_alternative_name() else {
        return names;
    };
    for name in &extension.value.general_names {
        match name {
            GeneralName::DNSName(d) => names.dns.push((*d).to_string()),
            GeneralName::IPAddress(raw) => names.ips.extend(address(raw)),
            _ => {}
        }
    }
    names.normal()
}

/// Reads the address in a subject alternative name.
pub(crate) fn address(raw: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(raw) {
        return Some(IpAddr::from(v4));
    }
    <[u8; 16]>::try_from(raw).ok().map(IpAddr::from)
}
