//! The ACME server's authority, and when a certificate is due.

use std::sync::LazyLock;

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use time::OffsetDateTime;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{FromDer, X509Certificate};

/// How long its certificates last: those of Let's Encrypt do.
const LIFE: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The server's name, as the issuer of certificates.
pub const SERVER: &str = "Embedded ACME";

/// The authority lives outside of the cluster, and as long as the embedded cloud's process.
static AUTHORITY: LazyLock<Result<(String, Issuer<'static, KeyPair>), String>> =
    LazyLock::new(|| authority().map_err(|e| e.to_string()));

/// A certificate with its key, PEM.
pub struct Issued {
    /// The leaf, and the authority after it.
    pub chain: String,
    /// The key.
    pub key: String,
}

/// What a certificate says.
#[derive(Debug, PartialEq, Eq)]
pub struct Facts {
    /// Its DNS names, sorted.
    pub names: Vec<String>,
    /// Its issuer's common name.
    pub issuer: String,
    /// Its begin.
    pub not_before: Timestamp,
    /// Its end.
    pub not_after: Timestamp,
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

fn authority() -> Result<(String, Issuer<'static, KeyPair>), Box<dyn std::error::Error>> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::default();
    params.distinguished_name = named(SERVER);
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = offset(Timestamp::now(), SignedDuration::from_hours(-1))?;
    params.not_after = offset(Timestamp::now(), LIFE * 40)?;
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, Issuer::new(params, key)))
}

fn offset(
    now: Timestamp,
    by: SignedDuration,
) -> Result<OffsetDateTime, Box<dyn std::error::Error>> {
    Ok(OffsetDateTime::from_unix_timestamp(now.checked_add(by)?.as_second())?)
}

/// Issues a certificate for these names with a new key.
///
/// # Errors
/// Returns an error if the names cannot stand in a certificate.
pub fn issue(names: &[String], now: Timestamp) -> Result<Issued, String> {
    let (authority, issuer) = AUTHORITY.as_ref().map_err(Clone::clone)?;
    let make = || -> Result<Issued, Box<dyn std::error::Error>> {
        let key = KeyPair::generate()?;
        let mut params = CertificateParams::new(names.to_vec())?;
        // Let's Encrypt writes names into the extension only.
        params.distinguished_name = DistinguishedName::new();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        params.not_before = offset(now, SignedDuration::from_hours(-1))?;
        params.not_after = offset(now, LIFE)?;
        let leaf = params.signed_by(&key, issuer)?;
        Ok(Issued { chain: format!("{}{authority}", leaf.pem()), key: key.serialize_pem() })
    };
    make().map_err(|e| e.to_string())
}

/// Reads the first certificate of a PEM text.
pub fn facts(pem: &[u8]) -> Option<Facts> {
    let der = CertificateDer::from_pem_slice(pem).ok()?;
    let (_, certificate) = X509Certificate::from_der(&der).ok()?;
    let alternative = certificate.subject_alternative_name().ok()??;
    let mut names: Vec<String> = Vec::new();
    for name in &alternative.value.general_names {
        if let GeneralName::DNSName(name) = name {
            names.push((*name).to_owned());
        }
    }
    names.sort();
    let issuer = certificate.issuer().iter_common_name().next()?.as_str().ok()?.to_owned();
    let validity = certificate.validity();
    let at = |seconds: i64| Timestamp::from_second(seconds).ok();
    Some(Facts {
        names,
        issuer,
        not_before: at(validity.not_before.timestamp())?,
        not_after: at(validity.not_after.timestamp())?,
    })
}

/// Returns when a certificate is renewed: after two thirds of its life, which is cert-manager's default.
pub fn renewal(facts: &Facts) -> Timestamp {
    let life = facts.not_after.duration_since(facts.not_before);
    facts.not_after.checked_sub(life / 3).unwrap_or(facts.not_after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_is_renewed_after_two_thirds_of_its_life() {
        let now: Timestamp = "2026-03-01T01:00:00Z".parse().unwrap();
        let names = ["b.example.com".to_owned(), "*.example.com".to_owned()];
        let issued = issue(&names, now).unwrap();
        let facts = facts(issued.chain.as_bytes()).unwrap();
        assert_eq!(facts.names, ["*.example.com", "b.example.com"]);
        assert_eq!(facts.issuer, SERVER);
        assert_eq!(facts.not_after.to_string(), "2026-05-30T01:00:00Z");
        assert_eq!(renewal(&facts).to_string(), "2026-04-30T00:40:00Z");
    }
}
