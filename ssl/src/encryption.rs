//! The keys that Secrets are encrypted with in etcd, and the steps by which one takes another's place.
//!
//! Every API server of a cluster must be able to read what any other writes. So a key is first given to
//! all of them for reading, then for writing, then everything is written again, and only then the old
//! one goes. Each step is safe while some control planes are at the step before.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::{Result, SslError};
use crate::files;

/// The name of the file in a cluster's folder.
pub const ENCRYPTION_KEYS: &str = "encryption.keys";
/// The provider that keeps plain text; in the order of keys it stands for that.
pub const PLAIN: &str = "identity";
/// XSalsa20 with Poly1305 takes 32 bytes.
const KEY_BYTES: usize = 32;
const VERSION: u32 = 1;

/// How far a cluster is with its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum EncryptionStage {
    /// Secrets are still written as plain text; the key can be read. The begin for a cluster that was
    /// made without encryption.
    Reading,
    /// Secrets are written with the key; older ones are still plain text.
    Writing,
    /// There is one key, and everything is written with it.
    Settled,
    /// A second key can be read, the first one writes.
    Added,
    /// The second key writes, the first one can be read.
    Promoted,
}

/// The keys of a cluster, the one that writes first.
#[derive(Clone)]
pub struct EncryptionKeys {
    keys: Vec<Key>,
    stage: EncryptionStage,
}

#[derive(Clone)]
struct Key {
    name: String,
    /// Base64, as the API server reads it.
    secret: SecretString,
}

/// As the file has it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    version: u32,
    stage: EncryptionStage,
    keys: Vec<WrittenKey>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenKey {
    name: String,
    secret: String,
}

impl std::fmt::Debug for EncryptionKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "EncryptionKeys({:?}, {})", self.stage, self.order().join(", "))
    }
}

impl EncryptionKeys {
    /// Makes the first key of a cluster. `is_new`: nothing was written yet, so the key writes from the
    /// beginning.
    ///
    /// # Errors
    /// Returns an error if the system has no randomness.
    pub fn generate(is_new: bool) -> Result<EncryptionKeys> {
        let stage = if is_new { EncryptionStage::Settled } else { EncryptionStage::Reading };
        Ok(EncryptionKeys { keys: vec![Key::draw(1)?], stage })
    }

    /// Returns the order that [`EncryptionKeys::generate`] begins with; no key is needed to tell it.
    pub fn first_order(is_new: bool) -> Vec<String> {
        let (key, plain) = (key_name(1), PLAIN.to_owned());
        if is_new { vec![key, plain] } else { vec![plain, key] }
    }

    /// Reads the file; `None` if there is none.
    ///
    /// # Errors
    /// Returns an error if it can't be read or holds something else. The error never shows a key.
    pub fn read(path: &Path) -> Result<Option<EncryptionKeys>> {
        let Some(text) = files::read_optional(path)? else { return Ok(None) };
        // The library's own message could quote a part of a key.
        let written: Written = serde_json::from_str(&text)
            .map_err(|_| SslError::malformed(path, "it does not hold encryption keys"))?;
        if written.version != VERSION {
            return Err(SslError::malformed(path, "another version of this program wrote it"));
        }
        let wanted = match written.stage {
            EncryptionStage::Added | EncryptionStage::Promoted => 2,
            _ => 1,
        };
        let is_key = |key: &WrittenKey| {
            number_of(&key.name).is_some()
                && STANDARD.decode(&key.secret).is_ok_and(|bytes| bytes.len() == KEY_BYTES)
        };
        let differ =
            written.keys.first().map(|key| &key.name) != written.keys.get(1).map(|key| &key.name);
        if written.keys.len() != wanted || !written.keys.iter().all(is_key) || !differ {
            return Err(SslError::malformed(path, "its keys are not those of its stage"));
        }
        let key = |key: WrittenKey| Key { name: key.name, secret: key.secret.into() };
        let keys = written.keys.into_iter().map(key).collect();
        Ok(Some(EncryptionKeys { keys, stage: written.stage }))
    }

    /// Writes the file, mode 0600.
    ///
    /// # Errors
    /// Returns an error if it can't be written.
    pub fn write(&self, path: &Path) -> Result<()> {
        let key = |key: &Key| WrittenKey {
            name: key.name.clone(),
            secret: key.secret.expose_secret().to_owned(),
        };
        let keys = self.keys.iter().map(key).collect();
        let written = Written { version: VERSION, stage: self.stage, keys };
        let text = serde_json::to_string_pretty(&written)
            .map_err(|error| SslError::malformed(path, error))?;
        files::write_atomic(path, format!("{text}\n").as_bytes(), files::SECRET_MODE)
    }

    /// Returns how far the cluster is.
    pub fn stage(&self) -> EncryptionStage {
        self.stage
    }

    /// Returns the names of the keys as API servers try them, with [`PLAIN`] for plain text; the first
    /// one writes.
    pub fn order(&self) -> Vec<String> {
        let mut order: Vec<String> = self.keys.iter().map(|key| key.name.clone()).collect();
        match self.stage {
            EncryptionStage::Reading => order.insert(0, PLAIN.to_owned()),
            _ => order.push(PLAIN.to_owned()),
        }
        order
    }

    /// Returns the order with a short sum of each key: another key of the same name is another one. The sums
    /// tell nothing of the keys, which are 32 random bytes.
    pub fn fingerprints(&self) -> Vec<String> {
        let of = |name: String| match self.keys.iter().find(|key| key.name == name) {
            Some(key) => {
                let sum = Sha256::digest(key.secret.expose_secret().as_bytes());
                format!("{name}:{}", hex::encode(&sum[..6]))
            }
            None => name,
        };
        self.order().into_iter().map(of).collect()
    }

    /// Returns the keys after the next step. Who calls it has made sure that every control plane runs
    /// with the present order, and has written all Secrets again where that is due
    /// ([`EncryptionStage::Writing`], [`EncryptionStage::Promoted`]).
    ///
    /// # Errors
    /// Returns an error if the system has no randomness.
    pub fn next(&self) -> Result<EncryptionKeys> {
        let (keys, stage) = match (self.stage, self.keys.as_slice()) {
            (EncryptionStage::Reading, _) => (self.keys.clone(), EncryptionStage::Writing),
            (EncryptionStage::Writing, _) => (self.keys.clone(), EncryptionStage::Settled),
            (EncryptionStage::Added, [old, new]) => {
                (vec![new.clone(), old.clone()], EncryptionStage::Promoted)
            }
            (EncryptionStage::Promoted, [new, ..]) => (vec![new.clone()], EncryptionStage::Settled),
            _ => {
                let newest = self.keys.iter().filter_map(|key| number_of(&key.name)).max();
                let mut keys = self.keys.clone();
                keys.push(Key::draw(newest.unwrap_or(0).saturating_add(1))?);
                (keys, EncryptionStage::Added)
            }
        };
        Ok(EncryptionKeys { keys, stage })
    }

    /// Returns the keys for a cluster that is recreated: nothing is written yet, so the newest key writes
    /// from the beginning, and no other one is needed.
    #[must_use]
    pub fn anew(&self) -> EncryptionKeys {
        let newest = self.keys.iter().max_by_key(|key| number_of(&key.name));
        EncryptionKeys {
            keys: newest.into_iter().cloned().collect(),
            stage: EncryptionStage::Settled,
        }
    }

    /// Returns the `EncryptionConfiguration` that API servers read. Secretbox is an authenticated cipher
    /// whose nonce is long enough to be drawn at random however much is written; AES-GCM would have to
    /// change its key every 200,000 writes.
    ///
    /// # Errors
    /// Returns an error if the document can't be written as YAML.
    pub fn configuration(&self) -> Result<SecretString> {
        let keys: Vec<_> = self
            .keys
            .iter()
            .map(|key| serde_json::json!({"name": key.name, "secret": key.secret.expose_secret()}))
            .collect();
        let secretbox = serde_json::json!({"secretbox": {"keys": keys}});
        let plain = serde_json::json!({"identity": {}});
        let providers = match self.stage {
            EncryptionStage::Reading => [plain, secretbox],
            _ => [secretbox, plain],
        };
        let document = serde_json::json!({
            "apiVersion": "apiserver.config.k8s.io/v1",
            "kind": "EncryptionConfiguration",
            "resources": [{"resources": ["secrets"], "providers": providers}],
        });
        let failed = |reason: String| SslError::Crypto {
            action: "write the configuration of encryption keys".into(),
            reason,
        };
        let value = serde_yaml_ng::to_value(document).map_err(|error| failed(error.to_string()))?;
        let text = crate::yaml::to_text(&value).map_err(|error| failed(error.to_string()))?;
        Ok(SecretString::from(text))
    }
}

impl Key {
    fn draw(number: u32) -> Result<Key> {
        let mut bytes = [0u8; KEY_BYTES];
        crate::token::draw(&mut bytes)?;
        Ok(Key { name: key_name(number), secret: STANDARD.encode(bytes).into() })
    }
}

fn key_name(number: u32) -> String {
    format!("key{number}")
}

fn number_of(name: &str) -> Option<u32> {
    name.strip_prefix("key")?.parse().ok()
}
