//! Certificates that somebody else issued, brought as files.

use jiff::Timestamp;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use crate::error::{Result, SslError};
use crate::inspect::{CertificateFacts, certificate_facts};
use crate::key::PrivateKey;

/// A certificate that was brought, with its chain and its key.
#[derive(Debug)]
pub struct Brought {
    /// The certificate, and the chain after it, PEM.
    pub chain_pem: String,
    /// The key, PEM.
    pub key_pem: SecretString,
    /// What the certificate says.
    pub facts: CertificateFacts,
    /// SHA-256 over the chain, in hex.
    pub digest: String,
}

/// Why two files are not a certificate with its key. No message holds a part of the key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BroughtError {
    /// The certificate is at fault.
    #[error("{0}")]
    Certificate(String),
    /// The key is at fault.
    #[error("{0}")]
    Key(String),
}

impl Brought {
    /// Puts a chain and a key together.
    ///
    /// # Errors
    /// Returns an error if one of them cannot be read, or if the key is another certificate's.
    pub fn read(
        chain_pem: String,
        key_pem: SecretString,
    ) -> std::result::Result<Brought, BroughtError> {
        let unreadable = |error: SslError| BroughtError::Certificate(reason(&error));
        // A file may hold the key, too; what visitors get must not.
        let chain_pem = certificates_of(&chain_pem).map_err(unreadable)?;
        let facts = certificate_facts(&chain_pem).map_err(unreadable)?;
        let digest = chain_digest(&chain_pem).map_err(unreadable)?;
        // What is wrong with a key is not repeated: it could quote the key.
        let key = PrivateKey::from_pem(&key_pem).map_err(|_| {
            BroughtError::Key(
                "it is not an unencrypted private key in PEM (PKCS#8, PKCS#1 or SEC1)".into(),
            )
        })?;
        if key.public_der() != facts.public_der {
            let subject = if facts.subject.is_empty() { "no subject" } else { &facts.subject };
            return Err(BroughtError::Key(format!(
                "the key does not belong to the certificate ({subject})"
            )));
        }
        if facts.is_authority {
            return Err(BroughtError::Certificate("it is an authority, not a site's".into()));
        }
        Ok(Brought { chain_pem, key_pem, facts, digest })
    }

    /// Returns what keeps it from serving `hosts` at `now`.
    pub fn faults<'a>(
        &self,
        hosts: impl IntoIterator<Item = &'a str>,
        now: Timestamp,
    ) -> Vec<String> {
        let mut faults = Vec::new();
        let CertificateFacts { not_before, not_after, names, .. } = &self.facts;
        if now >= *not_after {
            faults.push(format!("it ended at {not_after}"));
        }
        if now < *not_before {
            faults.push(format!("it is not valid before {not_before}"));
        }
        let uncovered: Vec<&str> = hosts.into_iter().filter(|host| !names.covers(host)).collect();
        if !uncovered.is_empty() {
            let own = names.texts().join(", ");
            let own = if own.is_empty() { "no host".to_owned() } else { own };
            faults.push(format!("it is for {own}, not for {}", uncovered.join(", ")));
        }
        faults
    }
}

/// Returns the certificates of a PEM text, and nothing else of it.
fn certificates_of(text: &str) -> Result<String> {
    let blocks = pem::parse_many(text)
        .map_err(|e| SslError::Pem { what: "certificate", reason: e.to_string() })?;
    let config = pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF);
    let certificates = blocks.iter().filter(|block| block.tag() == "CERTIFICATE");
    Ok(certificates.map(|block| pem::encode_config(block, config)).collect())
}

/// Returns the SHA-256 over the certificates of a PEM text, in hex: the same for the same chain,
/// however the text is laid out.
///
/// # Errors
/// Returns an error if the text is not PEM.
pub fn chain_digest(chain_pem: &str) -> Result<String> {
    let blocks = pem::parse_many(chain_pem)
        .map_err(|e| SslError::Pem { what: "certificate", reason: e.to_string() })?;
    let mut hash = Sha256::new();
    for block in blocks.iter().filter(|block| block.tag() == "CERTIFICATE") {
        hash.update(block.contents());
    }
    Ok(hex::encode(hash.finalize()))
}

fn reason(error: &SslError) -> String {
    match error {
        SslError::Pem { reason, .. } => reason.clone(),
        other => other.to_string(),
    }
}
