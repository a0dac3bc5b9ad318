//! Signatures of objects in a bucket: HMAC-SHA256 with a key that only those have who may read the
//! private keys. A checksum says that nothing was damaged; this says who wrote it.

use std::collections::BTreeMap;

use hmac::{Hmac, Mac, digest::KeyInit};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Length of the key in bytes.
pub const KEY: usize = 32;
/// The block that HMAC-SHA256 fills its key up to, with zeros.
const BLOCK: usize = 64;

const LINE: &[u8] = br#"{"entry":"opened","version":2,"mac":""#;
const LINE_END: &[u8] = b"\"}\n";
const WRAP: &[u8] = br#"{"version":2,"mac":""#;
const WRAP_MIDDLE: &[u8] = br#"","signed":"#;
/// Hex digits of a signature.
const DIGITS: usize = 64;
/// The format of what is signed.
const VERSION: u64 = 2;

/// The key of a state, and what it is a key for.
pub struct Seal {
    key: [u8; KEY],
    uuid: Uuid,
    /// Objects that were there before the state was signed: their SHA-256, by name.
    before: BTreeMap<String, String>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").field("uuid", &self.uuid).finish_non_exhaustive()
    }
}

/// The way an object carries its signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// Not at all: it is encrypted or summed elsewhere, or says nothing that counts.
    Bare,
    /// As its first line.
    Line,
    /// Around it.
    Wrapped,
}

/// The reason why an object is not taken for what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Doubt {
    /// A later version of this program wrote it.
    Newer(u64),
    /// It carries no signature.
    Unsigned,
    /// Its signature is another object's, another cluster's, another key's, or invented.
    Wrong,
}

/// Returns how the object `name` carries its signature.
pub(super) fn form(name: &str) -> Form {
    match name {
        // The UUID that it says is part of every signature.
        "identity.json" => Form::Bare,
        // The journal says the sum of each file; keys prove themselves.
        _ if ["files/", "keys/", "probe/"].iter().any(|bare| name.starts_with(bare)) => Form::Bare,
        _ if name.ends_with(".jsonl") => Form::Line,
        _ => Form::Wrapped,
    }
}

impl Seal {
    /// Makes a seal for the state of cluster `uuid`. Objects in `before` count without a signature
    /// as long as they have the sum that is noted there.
    pub fn new(key: [u8; KEY], uuid: Uuid, before: BTreeMap<String, String>) -> Self {
        Self { key, uuid, before }
    }

    /// Returns the key.
    pub fn key(&self) -> &[u8; KEY] {
        &self.key
    }

    /// Returns whose state it is for.
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// Signs `body` as the object `name`.
    pub fn sign(&self, name: &str, body: &[u8]) -> String {
        hex::encode(self.mac(name, body).finalize().into_bytes())
    }

    /// Checks a signature, in time that does not depend on how much of it fits.
    pub fn fits(&self, name: &str, body: &[u8], signature: &[u8]) -> bool {
        hex::decode(signature)
            .is_ok_and(|signature| self.mac(name, body).verify_slice(&signature).is_ok())
    }

    fn mac(&self, name: &str, body: &[u8]) -> Hmac<Sha256> {
        let mut key = [0; BLOCK];
        key[..KEY].copy_from_slice(&self.key);
        let mut mac = <Hmac<Sha256> as KeyInit>::new(&key.into());
        // With their lengths, so that no part can be taken for one of another.
        for part in [b"infra record".as_slice(), self.uuid.as_bytes(), name.as_bytes(), body] {
            mac.update(&(part.len() as u64).to_be_bytes());
            mac.update(part);
        }
        mac
    }

    /// Returns the bytes of the object `name` that says `body`.
    pub(super) fn close(&self, name: &str, body: Vec<u8>) -> Vec<u8> {
        let (before, after, end): (&[u8], &[u8], &[u8]) = match form(name) {
            Form::Bare => return body,
            Form::Line => (LINE, LINE_END, b""),
            Form::Wrapped => (WRAP, WRAP_MIDDLE, b"}\n"),
        };
        [before, self.sign(name, &body).as_bytes(), after, &body, end].concat()
    }

    /// Returns what the object `name` says, if it is signed, or was there before any was.
    pub(super) fn open(&self, name: &str, bytes: Vec<u8>) -> Result<Vec<u8>, Doubt> {
        if form(name) == Form::Bare {
            return Ok(bytes);
        }
        if self.before.get(name).is_some_and(|sum| *sum == summed(&bytes)) {
            // It may carry the signature of an earlier key.
            return Ok(split(name, &bytes).map_or_else(|| bytes.clone(), |(_, body)| body.to_vec()));
        }
        let Some((signature, body)) = split(name, &bytes) else {
            return Err(unsigned(&bytes));
        };
        if self.fits(name, body, signature) { Ok(body.to_vec()) } else { Err(Doubt::Wrong) }
    }
}

/// Returns the SHA-256 of an object in hex.
pub fn summed(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Tells whether an object looks signed.
pub(super) fn is_signed(name: &str, bytes: &[u8]) -> bool {
    split(name, bytes).is_some()
}

/// Splits a signed object into signature and body.
fn split<'a>(name: &str, bytes: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let (before, after, end): (&[u8], &[u8], &[u8]) = match form(name) {
        Form::Bare => return None,
        Form::Line => (LINE, LINE_END, b""),
        Form::Wrapped => (WRAP, WRAP_MIDDLE, b"}\n"),
    };
    let (signature, rest) = bytes.strip_prefix(before)?.split_at_checked(DIGITS)?;
    Some((signature, rest.strip_prefix(after)?.strip_suffix(end)?))
}

/// Tells apart what a later version may have written from what nobody signed.
fn unsigned(bytes: &[u8]) -> Doubt {
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let parsed: Option<serde_json::Value> =
        serde_json::from_slice(bytes).or_else(|_| serde_json::from_slice(first)).ok();
    match parsed.and_then(|value| value.get("version")?.as_u64()) {
        Some(found) if found > VERSION => Doubt::Newer(found),
        _ => Doubt::Unsigned,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 4] = [
        "lock.json",
        "journal/000000000003.jsonl",
        "journal/000000000003.snapshot.json",
        "history/7.json",
    ];

    fn seal(key: u8, uuid: u128) -> Seal {
        Seal::new([key; KEY], Uuid::from_u128(uuid), BTreeMap::new())
    }

    #[test]
    fn what_is_signed_is_read_back_and_nothing_else() {
        let own = seal(1, 7);
        for name in NAMES {
            let body = br#"{"version":1,"a":"b"}"#.to_vec();
            let bytes = own.close(name, body.clone());
            assert_eq!(own.open(name, bytes.clone()), Ok(body.clone()), "{name}");
            for other in NAMES.iter().filter(|other| **other != name) {
                assert!(own.open(other, bytes.clone()).is_err(), "{name} in the place of {other}");
            }
            assert_eq!(seal(2, 7).open(name, bytes.clone()), Err(Doubt::Wrong), "another key");
            assert_eq!(seal(1, 8).open(name, bytes.clone()), Err(Doubt::Wrong), "another cluster");
            assert_eq!(own.open(name, body.clone()), Err(Doubt::Unsigned), "its signature removed");
            for at in 0..bytes.len() {
                let mut flipped = bytes.clone();
                flipped[at] ^= 1;
                assert_ne!(own.open(name, flipped), Ok(body.clone()), "{name} at {at}");
            }
        }
    }

    #[test]
    fn what_was_there_before_counts_as_it_was() {
        let before = BTreeMap::from([("lock.json".to_owned(), summed(b"{}"))]);
        let seal = Seal::new([1; KEY], Uuid::from_u128(7), before);
        assert_eq!(seal.open("lock.json", b"{}".to_vec()), Ok(b"{}".to_vec()));
        assert_eq!(seal.open("lock.json", b"{ }".to_vec()), Err(Doubt::Unsigned));
        assert_eq!(seal.open("history/1.json", b"{}".to_vec()), Err(Doubt::Unsigned));
        assert_eq!(seal.open("lock.json", br#"{"version":9}"#.to_vec()), Err(Doubt::Newer(9)));
    }
}
