//! Certificate authorities.

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyUsagePurpose,
};
use time::OffsetDateTime;

use crate::error::{Result, SslError};
use crate::inspect::{CertificateFacts, certificate_facts};
use crate::key::PrivateKey;
use crate::leaf::{Issued, LeafRequest};
use crate::validity::{Validity, begin_of};

/// A certificate authority with its key.
#[derive(Debug)]
pub struct Authority {
    cert_pem: String,
    key: PrivateKey,
    facts: CertificateFacts,
}

impl Authority {
    /// Makes a self-signed authority. `path_len` is the number of intermediates allowed below it;
    /// `Some(0)` signs leaves only.
    pub fn create(
        common_name: &str,
        path_len: Option<u8>,
        validity: &Validity,
        now: Timestamp,
    ) -> Result<Authority> {
        validity.check()?;
        let key = PrivateKey::generate()?;
        let (begin, end) = validity.authority_span(now)?;
        let mut name = DistinguishedName::new();
        name.push(DnType::CommonName, common_name);
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params.not_before = offset(begin)?;
        params.not_after = offset(end)?;
        params.is_ca = IsCa::Ca(match path_len {
            Some(n) => BasicConstraints::Constrained(n),
            None => BasicConstraints::Unconstrained,
        });
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        let cert = params.self_signed(key.pair()).map_err(|e| SslError::Crypto {
            action: format!("sign the authority {common_name}"),
            reason: e.to_string(),
        })?;
        Authority::from_parts(cert.pem(), key)
    }

    /// Puts a certificate and its key together; refuses a pair that does not match.
    pub fn from_parts(cert_pem: String, key: PrivateKey) -> Result<Authority> {
        let facts = certificate_facts(&cert_pem)?;
        if facts.public_der != key.public_der() {
            return Err(SslError::Pem {
                what: "authority",
                reason: "key and certificate do not belong together".into(),
            });
        }
        if !facts.is_authority {
            return Err(SslError::Pem {
                what: "authority",
                reason: "its basic constraints say CA:FALSE".into(),
            });
        }
        Ok(Authority { cert_pem, key, facts })
    }

    /// Returns the certificate as PEM.
    pub fn cert_pem(&self) -> &str {
        &self.cert_pem
    }

    /// Returns the key.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// Returns the facts that were read from the certificate.
    pub fn facts(&self) -> &CertificateFacts {
        &self.facts
    }

    /// Issues a leaf with a new key, valid from a little before `now`, never past this
    /// authority's own end.
    pub fn issue(
        &self,
        request: &LeafRequest,
        validity: &Validity,
        now: Timestamp,
    ) -> Result<Issued> {
        let key = PrivateKey::generate()?;
        let cert_pem = self.issue_for(request, &key, validity, now)?;
        Ok(Issued { cert_pem, key })
    }

    /// Issues a leaf for a key that exists.
    pub fn issue_for(
        &self,
        request: &LeafRequest,
        key: &PrivateKey,
        validity: &Validity,
        now: Timestamp,
    ) -> Result<String> {
        validity.check()?;
        let span = validity.leaf_span(now, self.facts.not_before, self.facts.not_after)?;
        self.sign(request, key, span)
    }

    /// Issues a leaf with a new key that begins a little before `now` and ends at `ends`, however the
    /// usual periods are; never past this authority's own end.
    pub fn issue_until(
        &self,
        request: &LeafRequest,
        now: Timestamp,
        ends: Timestamp,
    ) -> Result<Issued> {
        let key = PrivateKey::generate()?;
        let begin = begin_of(now, self.facts.not_before)?;
        let cert_pem = self.sign(request, &key, (begin, ends.min(self.facts.not_after)))?;
        Ok(Issued { cert_pem, key })
    }

    fn sign(
        &self,
        request: &LeafRequest,
        key: &PrivateKey,
        (begin, end): (Timestamp, Timestamp),
    ) -> Result<String> {
        let failed = |e: rcgen::Error| SslError::Crypto {
            action: format!("sign the certificate of {}", request.subject()),
            reason: e.to_string(),
        };
        let mut params = request.params()?;
        params.not_before = offset(begin)?;
        params.not_after = offset(end)?;
        let issuer = Issuer::from_ca_cert_pem(&self.cert_pem, self.key.pair()).map_err(failed)?;
        Ok(params.signed_by(key.pair(), &issuer).map_err(failed)?.pem())
    }
}

/// Converts a time to whole seconds, since certificates know no smaller ones.
fn offset(t: Timestamp) -> Result<OffsetDateTime> {
    OffsetDateTime::from_unix_timestamp(t.as_second())
        .map_err(|e| SslError::Validity(format!("a date out of range: {e}")))
}
