//! The pin of an authority's public key.

use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::inspect::certificate_facts;

/// Returns `sha256:<hex>` over the DER of the certificate's SubjectPublicKeyInfo (RFC 7469). A
/// joining node compares it with kubeadm's `caCertHashes` before it trusts an API server.
pub fn ca_cert_hash(cert_pem: &str) -> Result<String> {
    let facts = certificate_facts(cert_pem)?;
    Ok(format!("sha256:{}", hex::encode(Sha256::digest(&facts.public_der))))
}
