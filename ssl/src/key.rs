//! Private keys.

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PublicKeyData};
use secrecy::{ExposeSecret, SecretString};

use crate::error::{Result, SslError};

/// A private key; its PEM text (PKCS#8) only comes out as a [`SecretString`].
pub struct PrivateKey {
    pair: KeyPair,
    pem: SecretString,
}

impl std::fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrivateKey(masked)")
    }
}

impl PrivateKey {
    /// Makes a new ECDSA P-256 key.
    pub fn generate() -> Result<PrivateKey> {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).map_err(|e| {
            SslError::Crypto { action: "generate a key".into(), reason: e.to_string() }
        })?;
        let pem = SecretString::from(pair.serialize_pem());
        Ok(PrivateKey { pair, pem })
    }

    /// Reads PKCS#8, SEC1 or PKCS#1 PEM; the text is kept as it was given.
    pub fn from_pem(pem: &SecretString) -> Result<PrivateKey> {
        let pair = KeyPair::from_pem(pem.expose_secret())
            .map_err(|e| SslError::Pem { what: "key", reason: e.to_string() })?;
        Ok(PrivateKey { pair, pem: pem.clone() })
    }

    /// Returns the key's PEM text.
    pub fn pem(&self) -> &SecretString {
        &self.pem
    }

    /// Returns the public half as PEM (`PUBLIC KEY`), as `sa.pub` holds it.
    pub fn public_pem(&self) -> String {
        self.pair.public_key_pem()
    }

    /// Returns the DER of the public half (SubjectPublicKeyInfo).
    pub fn public_der(&self) -> Vec<u8> {
        self.pair.subject_public_key_info()
    }

    pub(crate) fn pair(&self) -> &KeyPair {
        &self.pair
    }
}
