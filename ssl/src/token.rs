//! Bootstrap tokens, derived instead of stored.

use hmac::{Hmac, Mac};
use rand::TryRngCore;
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;
use std::path::Path;

use crate::error::{Result, SslError};
use crate::files;

const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
const ID_LEN: usize = 6;
const SECRET_LEN: usize = 16;

/// The cluster's own secret: 32 random bytes, hex, in a file of mode 0600 that never leaves this
/// machine. The tokens of the machines of the first apply follow from it and the node's name: the
/// first control plane has to know them before the others are published, and a run that was killed
/// makes the same ones again. Every later boot has a token of its own: [`BootstrapToken::random`].
#[derive(Clone)]
pub struct ClusterSecret(SecretString);

impl std::fmt::Debug for ClusterSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ClusterSecret(masked)")
    }
}

impl ClusterSecret {
    /// Draws a new random secret.
    pub fn generate() -> Result<ClusterSecret> {
        let mut bytes = [0u8; 32];
        draw(&mut bytes)?;
        Ok(ClusterSecret(SecretString::from(hex::encode(bytes))))
    }

    /// Reads the secret's file; `None` when there is none.
    pub fn read(path: &Path) -> Result<Option<ClusterSecret>> {
        let Some(text) = files::read_optional(path)? else {
            return Ok(None);
        };
        let text = text.trim();
        if text.len() != 64 || hex::decode(text).is_err() {
            return Err(SslError::malformed(path, "it should hold 64 hexadecimal digits"));
        }
        Ok(Some(ClusterSecret(SecretString::from(text))))
    }

    /// Writes the secret's file, mode 0600.
    pub fn write(&self, path: &Path) -> Result<()> {
        files::write_atomic(
            path,
            format!("{}\n", self.0.expose_secret()).as_bytes(),
            files::SECRET_MODE,
        )
    }

    /// Derives one node's token for the first apply: HMAC-SHA256(secret, "bootstrap-token:" + node
    /// name).
    pub fn token_for(&self, node: &str) -> Result<BootstrapToken> {
        let mut mac =
            Hmac::<Sha256>::new_from_slice(self.0.expose_secret().as_bytes()).map_err(|e| {
                SslError::Crypto { action: "derive a token".into(), reason: e.to_string() }
            })?;
        mac.update(b"bootstrap-token:");
        mac.update(node.as_bytes());
        Ok(BootstrapToken::of(mac.finalize().into_bytes().into()))
    }
}

/// A bootstrap token, `[a-z0-9]{6}.[a-z0-9]{16}`.
#[derive(Debug, Clone)]
pub struct BootstrapToken {
    /// Public part; the Secret is called `bootstrap-token-<id>`.
    pub id: String,
    /// Secret part.
    pub secret: SecretString,
}

impl BootstrapToken {
    /// Draws a new token, for one boot of one machine.
    pub fn random() -> Result<BootstrapToken> {
        let mut bytes = [0u8; 32];
        draw(&mut bytes)?;
        Ok(BootstrapToken::of(bytes))
    }

    /// Makes a token of 32 derived bytes. The id is public (it names a Secret), so it comes from
    /// the half that the secret does not come from.
    fn of(bytes: [u8; 32]) -> BootstrapToken {
        let (low, high) = bytes.split_at(16);
        BootstrapToken {
            id: base36(low, ID_LEN),
            secret: SecretString::from(base36(high, SECRET_LEN)),
        }
    }

    /// Returns `id.secret`, as kubeadm takes it.
    pub fn token(&self) -> SecretString {
        SecretString::from(format!("{}.{}", self.id, self.secret.expose_secret()))
    }
}

/// Fills `bytes` with the system's randomness.
pub(crate) fn draw(bytes: &mut [u8]) -> Result<()> {
    rand::rngs::OsRng
        .try_fill_bytes(bytes)
        .map_err(|e| SslError::Crypto { action: "draw random bytes".into(), reason: e.to_string() })
}

fn base36(bytes: &[u8], len: usize) -> String {
    let mut number = bytes.iter().fold(0u128, |n, b| (n << 8) | u128::from(*b));
    let mut out = String::with_capacity(len);
    for _ in 0..len {
        let digit = usize::try_from(number % 36).unwrap_or(0);
        out.push(char::from(ALPHABET[digit]));
        number /= 36;
    }
    out
}
