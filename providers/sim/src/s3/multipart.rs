//! Multipart uploads.

use std::collections::BTreeMap;
use std::sync::Arc;

use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::CompletedPart;
use s3s::{S3Result, s3_error};
use tokio::io::{AsyncWriteExt, BufWriter};

use super::blobs::{self, Blob};
use super::objects::{Conditions, NewObject, bucket, put};
use crate::sim::Sim;
use crate::world::{Object, Part, State as World, Upload};

/// Every part but the last has at least this size, bytes.
const PART_MIN: u64 = 5 << 20;
/// Parts are numbered 1 to this.
pub const PART_NUMBER_MAX: i32 = 10_000;

fn find(w: &World, id: &str, bucket: &str, key: &str) -> S3Result<Arc<Upload>> {
    w.uploads
        .by_id(id)
        .filter(|u| u.bucket == bucket && u.key == key)
        .cloned()
        .ok_or_else(|| s3_error!(NoSuchUpload))
}

/// Begins an upload; gives its id.
///
/// # Errors
/// Returns `NoSuchBucket` if there is no such bucket.
pub fn begin(
    sim: &Sim,
    bucket_name: &str,
    key: &str,
    headers: BTreeMap<String, String>,
    metadata: BTreeMap<String, String>,
) -> S3Result<String> {
    sim.world.write(|w| {
        bucket(w, bucket_name)?;
        let seq = w.counters.next_order();
        let id = w.counters.next_uuid();
        w.uploads.put(Upload {
            seq,
            id: id.clone(),
            bucket: bucket_name.to_owned(),
            key: key.to_owned(),
            headers,
            metadata,
            parts: BTreeMap::new(),
            created_at: jiff::Timestamp::now(),
        });
        Ok(id)
    })
}

/// Checks that an upload is open.
///
/// # Errors
/// Returns `NoSuchUpload` if there is no such upload.
pub fn check(sim: &Sim, id: &str, bucket: &str, key: &str) -> S3Result<Arc<Upload>> {
    sim.world.read(|w| find(w, id, bucket, key))
}

/// Adds a part, replacing one of the same number.
///
/// # Errors
/// Returns `NoSuchUpload` if there is no such upload; the content is removed then.
pub fn add(
    sim: &Arc<Sim>,
    id: &str,
    bucket: &str,
    key: &str,
    number: i32,
    blob: Blob,
) -> S3Result<()> {
    let data = blob.data.clone();
    let result = sim.world.write(|w| {
        let upload = find(w, id, bucket, key)?;
        let old = upload.parts.get(&number).map(|p| p.data.clone());
        w.uploads.modify(upload.seq, |u| {
            u.parts.insert(
                number,
                Part {
                    size: blob.size,
                    etag: blob.md5,
                    data: blob.data,
                    modified: jiff::Timestamp::now(),
                },
            );
        });
        Ok(old)
    });
    match result {
        Ok(old) => {
            blobs::remove(sim, old.into_iter().collect());
            Ok(())
        }
        Err(e) => {
            blobs::remove(sim, vec![data]);
            Err(e)
        }
    }
}

/// Gives an upload up.
///
/// # Errors
/// Returns `NoSuchUpload` if there is no such upload.
pub fn abort(sim: &Arc<Sim>, id: &str, bucket: &str, key: &str) -> S3Result<()> {
    let upload = sim.world.write(|w| -> S3Result<Arc<Upload>> {
        let upload = find(w, id, bucket, key)?;
        w.uploads.remove(upload.seq);
        Ok(upload)
    })?;
    let data = upload.parts.values().map(|p| p.data.clone()).collect();
    blobs::remove(sim, data);
    Ok(())
}

/// Joins the parts to an object.
///
/// # Errors
/// Returns `InvalidPart`, `InvalidPartOrder`, `EntityTooSmall`, `PreconditionFailed` or
/// `NoSuchUpload`.
pub async fn complete(
    sim: &Arc<Sim>,
    id: &str,
    bucket: &str,
    key: &str,
    wanted: &[CompletedPart],
    conditions: &Conditions,
) -> S3Result<Arc<Object>> {
    let upload = check(sim, id, bucket, key)?;
    let parts = choose(&upload, wanted)?;
    let (data, file) = blobs::create(sim).await?;
    let mut file = BufWriter::new(file);
    let mut digests = Md5::new();
    let mut size = 0;
    for part in &parts {
        let content = tokio::fs::read(blobs::path(sim, &part.data))
            .await
            .map_err(|e| s3_error!(InternalError, "storage: {e}"))?;
        size += content.len() as u64;
        file.write_all(&content).await.map_err(|e| s3_error!(InternalError, "storage: {e}"))?;
        digests.update(&hex::decode(&part.etag).unwrap_or_default());
    }
    file.flush().await.map_err(|e| s3_error!(InternalError, "storage: {e}"))?;
    let etag = format!("{}-{}", hex::encode(digests.finalize()), parts.len());
    let new = NewObject {
        bucket: bucket.to_owned(),
        key: key.to_owned(),
        data,
        size,
        etag,
        headers: upload.headers.clone(),
        metadata: upload.metadata.clone(),
        checksums: BTreeMap::new(),
    };
    let object = put(sim, new, conditions)?;
    // The object is there: the upload and its parts only cost space now.
    let _ = abort(sim, id, bucket, key);
    Ok(object)
}

fn choose<'a>(upload: &'a Upload, wanted: &[CompletedPart]) -> S3Result<Vec<&'a Part>> {
    if wanted.is_empty() {
        return Err(s3_error!(MalformedXML, "You must specify at least one part"));
    }
    let mut parts = Vec::new();
    let mut before = 0;
    for (i, one) in wanted.iter().enumerate() {
        let number = one.part_number.unwrap_or(0);
        if number <= before {
            return Err(s3_error!(InvalidPartOrder));
        }
        before = number;
        let part = upload
            .parts
            .get(&number)
            .filter(|p| one.e_tag.as_ref().is_none_or(|e| e.value() == p.etag))
            .ok_or_else(|| s3_error!(InvalidPart))?;
        if i + 1 < wanted.len() && part.size < PART_MIN {
            return Err(s3_error!(EntityTooSmall));
        }
        parts.push(part);
    }
    Ok(parts)
}
