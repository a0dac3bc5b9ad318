//! Rows of objects: finding, putting with conditions, their headers.

use std::collections::BTreeMap;
use std::sync::Arc;

use s3s::dto::{Checksum, ETag, ETagCondition, Metadata, Timestamp};
use s3s::{S3Result, s3_error};

use super::blobs;
use crate::sim::Sim;
use crate::world::{Object, State as World};

/// The longest key, bytes.
const KEY_MAX: usize = 1024;

/// Conditions of a write.
#[derive(Default, Clone)]
pub struct Conditions {
    /// `If-Match`
    pub if_match: Option<ETagCondition>,
    /// `If-None-Match`
    pub if_none_match: Option<ETagCondition>,
}

impl Conditions {
    /// Takes the conditions of a request; there are none if the store is to ignore them.
    pub fn of(
        if_match: Option<ETagCondition>,
        if_none_match: Option<ETagCondition>,
        ignored: bool,
    ) -> Self {
        if ignored { Self::default() } else { Self { if_match, if_none_match } }
    }
}

/// A content and its description, about to become an object.
pub struct NewObject {
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// Content.
    pub data: String,
    /// Bytes.
    pub size: u64,
    /// ETag.
    pub etag: String,
    /// Headers given back.
    pub headers: BTreeMap<String, String>,
    /// `x-amz-meta-*`.
    pub metadata: BTreeMap<String, String>,
    /// Checksums.
    pub checksums: BTreeMap<String, String>,
}

/// Checks that a bucket exists.
///
/// # Errors
/// Returns `NoSuchBucket` if there is no such bucket.
pub fn bucket(w: &World, name: &str) -> S3Result<()> {
    if w.buckets.by_id(name).is_some() {
        Ok(())
    } else {
        Err(s3_error!(NoSuchBucket, "The specified bucket does not exist"))
    }
}

/// Finds an object.
///
/// # Errors
/// Returns `NoSuchBucket` or `NoSuchKey` if there is none.
pub fn find(w: &World, bucket_name: &str, key: &str) -> S3Result<Arc<Object>> {
    bucket(w, bucket_name)?;
    w.objects
        .by_id(&path(bucket_name, key))
        .cloned()
        .ok_or_else(|| s3_error!(NoSuchKey, "The specified key does not exist."))
}

/// Returns the id of an object.
pub fn path(bucket: &str, key: &str) -> String {
    format!("{bucket}/{key}")
}

/// Checks the conditions of a write against what is there.
///
/// # Errors
/// Returns `PreconditionFailed`, `KeyTooLongError` or `NoSuchBucket`.
pub fn check(w: &World, bucket_name: &str, key: &str, conditions: &Conditions) -> S3Result<()> {
    bucket(w, bucket_name)?;
    if key.len() > KEY_MAX {
        return Err(s3_error!(KeyTooLongError, "Your key is too long"));
    }
    let there = w.objects.by_id(&path(bucket_name, key));
    let failed = || {
        Err(s3_error!(
            PreconditionFailed,
            "At least one of the pre-conditions you specified did not hold"
        ))
    };
    match (&conditions.if_none_match, there) {
        (Some(ETagCondition::Any), Some(_)) => return failed(),
        (Some(ETagCondition::ETag(tag)), Some(o)) if tag.value() == o.etag => return failed(),
        _ => {}
    }
    match (&conditions.if_match, there) {
        (None, _) | (Some(ETagCondition::Any), Some(_)) => Ok(()),
        (Some(ETagCondition::ETag(tag)), Some(o)) if tag.value() == o.etag => Ok(()),
        (Some(ETagCondition::ETag(_)), None) => Err(s3_error!(NoSuchKey)),
        _ => failed(),
    }
}

/// Puts an object, if the conditions hold at this very moment.
///
/// # Errors
/// Returns the errors of [`check`]; the content is removed then.
pub fn put(sim: &Arc<Sim>, new: NewObject, conditions: &Conditions) -> S3Result<Arc<Object>> {
    let data = new.data.clone();
    let result = sim.world.write(|w| {
        check(w, &new.bucket, &new.key, conditions)?;
        let path = path(&new.bucket, &new.key);
        let old = w.objects.by_id(&path).cloned();
        let seq = match &old {
            Some(old) => old.seq,
            None => w.counters.next_order(),
        };
        let row = w.objects.put(Object {
            seq,
            path,
            bucket: new.bucket,
            key: new.key,
            size: new.size,
            etag: new.etag,
            modified: jiff::Timestamp::now(),
            data: new.data,
            headers: new.headers,
            metadata: new.metadata,
            checksums: new.checksums,
        });
        Ok((row, old.map(|o| o.data.clone())))
    });
    match result {
        Ok((row, old)) => {
            blobs::remove(sim, old.into_iter().collect());
            Ok(row)
        }
        Err(e) => {
            blobs::remove(sim, vec![data]);
            Err(e)
        }
    }
}

/// Removes an object; one that isn't there is no error.
///
/// # Errors
/// Returns `NoSuchBucket` if there is no such bucket.
pub fn remove(sim: &Arc<Sim>, bucket_name: &str, key: &str) -> S3Result<()> {
    let gone = sim.world.write(|w| -> S3Result<Option<Arc<Object>>> {
        bucket(w, bucket_name)?;
        let seq = w.objects.by_id(&path(bucket_name, key)).map(|o| o.seq);
        Ok(seq.and_then(|s| w.objects.remove(s)))
    })?;
    blobs::remove(sim, gone.map(|o| o.data.clone()).into_iter().collect());
    Ok(())
}

/// Collects the headers that are given back as they came.
pub fn headers(pairs: &[(&str, Option<&str>)]) -> BTreeMap<String, String> {
    pairs
        .iter()
        .filter_map(|(name, value)| Some(((*name).to_owned(), (*value)?.to_owned())))
        .collect()
}

/// Returns user metadata as it is kept.
pub fn metadata(given: Option<&Metadata>) -> BTreeMap<String, String> {
    given.into_iter().flatten().map(|(k, v)| (k.clone(), v.clone())).collect()
}

/// Returns user metadata as it is given back.
pub fn metadata_out(o: &Object) -> Option<Metadata> {
    (!o.metadata.is_empty())
        .then(|| o.metadata.iter().map(|(k, v)| (k.clone(), v.clone())).collect())
}

/// Returns the checksums as they are kept.
pub fn checksums(c: &Checksum) -> BTreeMap<String, String> {
    headers(&[
        ("crc32", c.checksum_crc32.as_deref()),
        ("crc32c", c.checksum_crc32c.as_deref()),
        ("crc64nvme", c.checksum_crc64nvme.as_deref()),
        ("sha1", c.checksum_sha1.as_deref()),
        ("sha256", c.checksum_sha256.as_deref()),
    ])
}

/// Returns the ETag of an object.
pub fn etag(o: &Object) -> ETag {
    ETag::Strong(o.etag.clone())
}

/// Writes a time as S3 does.
pub fn timestamp(t: jiff::Timestamp) -> Timestamp {
    Timestamp::from(std::time::SystemTime::from(t))
}

/// Checks that a read's conditions let it through.
///
/// # Errors
/// Returns `PreconditionFailed` or `NotModified` if they do not.
pub fn check_read(
    o: &Object,
    if_match: Option<&ETagCondition>,
    if_none_match: Option<&ETagCondition>,
) -> S3Result<()> {
    let same = |c: &ETagCondition| match c {
        ETagCondition::Any => true,
        ETagCondition::ETag(tag) => tag.value() == o.etag,
    };
    if if_match.is_some_and(|c| !same(c)) {
        return Err(s3_error!(
            PreconditionFailed,
            "At least one of the pre-conditions you specified did not hold"
        ));
    }
    if if_none_match.is_some_and(same) {
        return Err(s3_error!(NotModified));
    }
    Ok(())
}
