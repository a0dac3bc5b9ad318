//! Sending the cache to the bucket, by content.

use std::collections::BTreeMap;
use std::path::Path;

use futures::{StreamExt, stream};
use serde::Serialize;

use crate::artifacts::{ArtifactError, Lock, Locked, Progress, sha256_file};
use infra_object_store::Bucket;

/// Files sent at once.
const PARALLEL: usize = 4;
/// Prefix of all artifacts.
const PREFIX: &str = "artifacts/";

/// What a sync did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct SyncReport {
    /// Files sent.
    pub sent_files: usize,
    /// Bytes sent.
    pub sent_bytes: u64,
    /// Files that were there.
    pub skipped_files: usize,
    /// Their bytes.
    pub skipped_bytes: u64,
}

/// Returns the object's key. The SHA-256 is in it, so what lies under it already is never sent
/// again.
pub fn key_of(locked: &Locked) -> String {
    format!("{PREFIX}sha256/{}/{}", locked.sha256, locked.file)
}

/// Lists the bucket once and sends what is absent (or there with another size). A second run
/// sends nothing.
///
/// # Errors
/// Returns an error if a file is not in the cache, or no longer has its SHA-256; nothing of it is sent.
pub async fn sync(
    bucket: &Bucket,
    lock: &Lock,
    cache: &Path,
    progress: &dyn Progress,
) -> Result<SyncReport, ArtifactError> {
    let there: BTreeMap<String, u64> =
        bucket.list(PREFIX).await?.into_iter().map(|o| (o.key, o.size)).collect();
    let mut report = SyncReport::default();
    let mut absent = Vec::new();
    for locked in &lock.artifacts {
        if there.get(&key_of(locked)) == Some(&locked.size) {
            report.skipped_files += 1;
            report.skipped_bytes += locked.size;
        } else {
            absent.push(locked);
        }
    }
    progress.begin(lock.artifacts.len(), lock.artifacts.iter().map(|l| l.size).sum());
    for locked in lock.artifacts.iter().filter(|l| !absent.contains(l)) {
        progress.skipped(&locked.file, locked.size);
    }
    // A plain loop instead of a closure: callers box this future, and a closure over references
    // would not be general enough for that.
    let mut sends = Vec::with_capacity(absent.len());
    for locked in absent {
        sends.push(send(bucket, locked, cache, progress));
    }
    let mut running = stream::iter(sends).buffer_unordered(PARALLEL);
    while let Some(result) = running.next().await {
        report.sent_bytes += result?;
        report.sent_files += 1;
    }
    Ok(report)
}

async fn send(
    bucket: &Bucket,
    locked: &Locked,
    cache: &Path,
    progress: &dyn Progress,
) -> Result<u64, ArtifactError> {
    let path = cache.join(&locked.file);
    if !path.is_file() {
        return Err(ArtifactError::NotCached {
            file: locked.file.clone(),
            folder: cache.to_path_buf(),
        });
    }
    let hashed = path.clone();
    let (found, _) = tokio::task::spawn_blocking(move || sha256_file(&hashed))
        .await
        .map_err(|e| ArtifactError::io("read", &path)(std::io::Error::other(e)))??;
    if found != locked.sha256 {
        return Err(ArtifactError::Mismatch {
            name: locked.label(),
            expected: locked.sha256.clone(),
            found,
        });
    }
    let moved = |bytes: u64| progress.moved(&locked.file, bytes);
    Ok(bucket.put_file(&key_of(locked), &path, &moved).await?)
}
