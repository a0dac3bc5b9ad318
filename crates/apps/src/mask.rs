//! What stands in the place of a secret value in a render. Two renders show whether the value has
//! changed; nobody who has only the render can try out guesses, as a plain hash would let them.

use std::{fmt, fs, io, os::unix::fs::OpenOptionsExt, path::Path, sync::OnceLock};

use hmac::{Hmac, Mac};
use rand::RngCore;
use sha2::Sha256;

const LENGTH: usize = 32;
/// Begins each stand-in; and those of earlier versions, which were plain hashes.
const PREFIX: &str = "hmac-sha256:";
const EARLIER: &str = "sha256:";

/// The key of stand-ins. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct MaskKey([u8; LENGTH]);

impl fmt::Debug for MaskKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MaskKey")
    }
}

impl MaskKey {
    /// Makes a random one.
    pub fn random() -> Self {
        let mut key = [0; LENGTH];
        rand::rng().fill_bytes(&mut key);
        Self(key)
    }

    /// Reads the key in `path`, or makes one there that only its owner can read.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read or written, or holds something else.
    pub fn kept_in(path: &Path) -> io::Result<Self> {
        match fs::read(path) {
            Ok(bytes) => {
                let wrong = |_| io::Error::new(io::ErrorKind::InvalidData, "it holds no key");
                return bytes.try_into().map(Self).map_err(wrong);
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let key = Self::random();
        let mut options = fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(path)?;
        io::Write::write_all(&mut file, &key.0)?;
        Ok(key)
    }

    /// Returns the random key of this process, so that two renders of one run can be compared.
    pub(super) fn of_this_run() -> &'static Self {
        static KEY: OnceLock<MaskKey> = OnceLock::new();
        KEY.get_or_init(Self::random)
    }

    /// Returns what stands in the place of `value`.
    pub(super) fn mask(&self, value: &[u8]) -> String {
        // A key of any length is taken.
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(&self.0) else { return PREFIX.to_owned() };
        mac.update(value);
        format!("{PREFIX}{}", hex::encode(mac.finalize().into_bytes()))
    }
}

/// Returns true if `text` stands for a value.
pub(super) fn is_mask(text: &str) -> bool {
    text.starts_with(PREFIX) || text.starts_with(EARLIER)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_kept_key_masks_alike_and_another_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".infra/render.key");
        let (first, second) = (MaskKey::kept_in(&path).unwrap(), MaskKey::kept_in(&path).unwrap());
        assert_eq!(first.mask(b"hush"), second.mask(b"hush"));
        assert_ne!(first.mask(b"hush"), first.mask(b"hash"));
        assert_ne!(first.mask(b"hush"), MaskKey::random().mask(b"hush"));
        assert!(is_mask(&first.mask(b"")) && !is_mask("aHVzaA=="));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        fs::write(&path, "short").unwrap();
        assert!(MaskKey::kept_in(&path).is_err());
    }
}
