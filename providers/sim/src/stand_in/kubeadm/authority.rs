//! Certificate authorities on a machine's disk, and the leaves they sign.

use std::net::IpAddr;

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PublicKeyData, SanType,
};
use time::{Duration, OffsetDateTime};

use super::certs::PKI;
use crate::stand_in::{Context, Failure};

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
    /// Returns an error if a file is missing, unreadable, expired, not yet valid, no authority, or
    /// the two don't match.
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

    /// Makes an authority from its two PEM texts.
    ///
    /// # Errors
    /// Returns an error if they can't be read or don't match, or if the certificate is expired, not
    /// yet valid or no authority.
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
    /// Returns an error if it can't be made.
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
    /// Returns an error if it isn't a request of the node `name`.
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

    /// Signs a kubelet's request for the certificate that it serves with, as kube-controller-manager does.
    ///
    /// # Errors
    /// Returns its words if the request is not one of a kubelet.
    pub fn sign_serving(&self, csr_pem: &str) -> Result<String, String> {
        let mut csr = rcgen::CertificateSigningRequestParams::from_pem(csr_pem)
            .map_err(|e| format!("certificate request: {e}"))?;
        let text = |kind: &DnType| match csr.params.distinguished_name.get(kind) {
            Some(rcgen::DnValue::Utf8String(text)) => text.clone(),
            Some(rcgen::DnValue::PrintableString(text)) => text.as_str().to_owned(),
            _ => String::new(),
        };
        if text(&DnType::OrganizationName) != "system:nodes" {
            return Err("subject organization is not system:nodes".to_owned());
        }
        if !text(&DnType::CommonName).starts_with("system:node:") {
            return Err("subject common name does not begin with system:node: ".to_owned());
        }
        let names = &csr.params.subject_alt_names;
        if names.is_empty() {
            return Err("at least one DNS Name or IP Address subjectAltName is required".to_owned());
        }
        let is_fine = |name: &SanType| matches!(name, SanType::DnsName(_) | SanType::IpAddress(_));
        if !names.iter().all(is_fine) {
            return Err("email and URI subjectAltNames are not allowed".to_owned());
        }
        let leaf = Leaf { sans: vec!["localhost".to_owned()], ..Leaf::default() };
        let mut params = leaf.params().map_err(|e| e.message)?;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.subject_alt_names = std::mem::take(&mut csr.params.subject_alt_names);
        params.distinguished_name = csr.params.distinguished_name.clone();
        csr.params = params;
        csr.signed_by(&self.issuer).map(|c| c.pem()).map_err(|e| e.to_string())
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

pub fn distinguished(leaf: &Leaf<'_>) -> DistinguishedName {
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
    let (validity, now) = (cert.validity(), x509_parser::time::ASN1Time::now());
    if now < validity.not_before {
        return Err(format!("the certificate is not valid yet (before {})", validity.not_before));
    }
    if now > validity.not_after {
        return Err(format!("the certificate has expired (on {})", validity.not_after));
    }
    if cert.public_key().raw != key.subject_public_key_info() {
        return Err("the private key doesn't match the certificate".to_owned());
    }
    Ok(())
}

pub fn failed(reason: &str) -> Failure {
    Failure::new(format!("error execution phase certs: {reason}"))
}
