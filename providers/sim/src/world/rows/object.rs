//! Buckets and what is in them. Contents are files; these rows say which.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::world::table::Row;

/// A bucket. Names are global.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Bucket {
    /// Order of creation.
    pub seq: u64,
    /// Name.
    pub name: String,
    /// When it was made.
    pub created_at: Timestamp,
}

impl Row for Bucket {
    const KIND: &'static str = "bucket";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.name)
    }
}

/// An object.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Object {
    /// Order of creation.
    pub seq: u64,
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// `bucket/key`; bucket names hold no slash.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// ETag without quotes.
    pub etag: String,
    /// When it was written.
    pub modified: Timestamp,
    /// The file with its content.
    pub data: String,
    /// `content-type` and the other headers that are given back.
    pub headers: BTreeMap<String, String>,
    /// `x-amz-meta-*`.
    pub metadata: BTreeMap<String, String>,
    /// SHA-256 (base64) when the writer sent one.
    #[serde(default)]
    pub checksums: BTreeMap<String, String>,
}

impl Row for Object {
    const KIND: &'static str = "object";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.path)
    }
    /// Returns the bucket, so that its objects are found without a scan.
    fn lookup(&self) -> &str {
        &self.bucket
    }
}

/// A part of a multipart upload.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Part {
    /// Bytes.
    pub size: u64,
    /// ETag without quotes.
    pub etag: String,
    /// The file with its content.
    pub data: String,
    /// When it was written.
    pub modified: Timestamp,
}

/// A multipart upload that is open.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Upload {
    /// Order of creation.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// Bucket.
    pub bucket: String,
    /// Key.
    pub key: String,
    /// See [`Object::headers`].
    pub headers: BTreeMap<String, String>,
    /// See [`Object::metadata`].
    pub metadata: BTreeMap<String, String>,
    /// Parts by number.
    pub parts: BTreeMap<i32, Part>,
    /// When it began.
    pub created_at: Timestamp,
}

impl Row for Upload {
    const KIND: &'static str = "upload";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.id)
    }
    /// Returns the bucket.
    fn lookup(&self) -> &str {
        &self.bucket
    }
}
