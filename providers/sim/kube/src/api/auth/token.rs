use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::KubeError;

/// Signs tokens of service accounts: JWTs, sealed with a key of the cluster's own (HMAC-SHA256;
/// nobody but this API server checks them).
pub(crate) struct Signer {
    key: [u8; 32],
}

impl Signer {
    /// Reads the key kept in the cluster's folder; it is made if there is none.
    pub(crate) fn open(dir: &Path) -> Result<Self, KubeError> {
        let path = dir.join("token.key");
        let io = |source| KubeError::Io { path: path.clone(), source };
        if let Ok(bytes) = std::fs::read(&path)
            && let Ok(key) = bytes.try_into()
        {
            return Ok(Self { key });
        }
        let key: [u8; 32] = rand::random();
        write_private(&path, &key).map_err(io)?;
        Ok(Self { key })
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        let header = URL_SAFE_NO_PAD.encode(json!({"alg": "HS256", "typ": "JWT"}).to_string());
        let payload = URL_SAFE_NO_PAD.encode(claims.to_string());
        let body = format!("{header}.{payload}");
        let seal = URL_SAFE_NO_PAD.encode(self.seal(body.as_bytes()));
        format!("{body}.{seal}")
    }

    /// Returns the claims of a token, if this signer made it.
    pub(crate) fn verify(&self, token: &str) -> Option<Value> {
        let (body, seal) = token.rsplit_once('.')?;
        let seal = URL_SAFE_NO_PAD.decode(seal).ok()?;
        if !same(&seal, &self.seal(body.as_bytes())) {
            return None;
        }
        let (_, payload) = body.split_once('.')?;
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
    }

    /// Computes HMAC-SHA256 (RFC 2104) with a key shorter than a block.
    fn seal(&self, body: &[u8]) -> [u8; 32] {
        let pad = |with: u8| {
            let mut block = [with; 64];
            for (byte, key) in block.iter_mut().zip(self.key) {
                *byte ^= key;
            }
            block
        };
        let inner = Sha256::new().chain_update(pad(0x36)).chain_update(body).finalize();
        Sha256::new().chain_update(pad(0x5c)).chain_update(inner).finalize().into()
    }
}

/// Compares in a time that does not tell where they differ.
pub(crate) fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |differ, (a, b)| differ | (a ^ b)) == 0
}

fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    use std::io::Write;
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)?.write_all(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tokens_of_this_key_are_believed_also_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let signer = Signer::open(dir.path()).unwrap();
        let token = signer.sign(&json!({"sub": "a"}));
        let again = Signer::open(dir.path()).unwrap();
        assert_eq!(again.verify(&token), Some(json!({"sub": "a"})));
        let other = Signer::open(tempfile::tempdir().unwrap().path()).unwrap();
        assert_eq!(other.verify(&token), None);
        assert_eq!(again.verify(&format!("{token}x")), None);
    }
}
