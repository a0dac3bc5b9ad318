//! SHA-256 of bytes and files, and the lists publishers make of them.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use sha2::{Digest, Sha256};

use crate::artifacts::ArtifactError;

/// Returns the SHA-256 in lower-case hex.
pub fn sha256_bytes(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Returns the SHA-256 (hex) and the size of a file.
pub fn sha256_file(path: &Path) -> Result<(String, u64), ArtifactError> {
    let mut file = File::open(path).map_err(ArtifactError::io("read", path))?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0u8; 1 << 20];
    let mut size = 0u64;
    loop {
        let n = file.read(&mut buffer).map_err(ArtifactError::io("read", path))?;
        if n == 0 {
            return Ok((hex::encode(hasher.finalize()), size));
        }
        hasher.update(&buffer[..n]);
        size += u64::try_from(n).unwrap_or(0);
    }
}

/// Finds the SHA-256 of `file` in a publisher's text: a bare digest, or lines of `sha256sum`
/// (`digest  name`, `digest *name`), of which the one with that name counts.
pub fn find_checksum(text: &str, file: &str) -> Option<String> {
    let digest = |word: &str| {
        let good = word.len() == 64 && word.bytes().all(|b| b.is_ascii_hexdigit());
        good.then(|| word.to_ascii_lowercase())
    };
    let mut bare = None;
    for line in text.lines().map(str::trim) {
        let mut words = line.splitn(2, char::is_whitespace);
        let Some(sum) = words.next().and_then(digest) else {
            continue;
        };
        match words.next().map(|n| n.trim().trim_start_matches('*')) {
            Some(name) if name.rsplit('/').next() == Some(file) => return Some(sum),
            Some(_) => {}
            None => bare = Some(sum),
        }
    }
    bare
}
