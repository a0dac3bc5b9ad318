//! Reading objects.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
use tokio_util::io::ReaderStream;

use super::{allow, ok};
use crate::s3::auth::Access;
use crate::s3::{blobs, objects};
use crate::sim::Sim;
use crate::world::Object as Row;

const CONTENT_TYPE_DEFAULT: &str = "binary/octet-stream";

/// An answer about an object: its own fields, and those that reading and asking have in common.
macro_rules! described {
    ($answer:ident, $object:ident, $sum:ident, { $($own:tt)* }) => {
        $answer {
            $($own)*
            accept_ranges: Some("bytes".to_owned()),
            content_type: header(&$object, "content-type")
                .or_else(|| Some(CONTENT_TYPE_DEFAULT.to_owned())),
            content_encoding: header(&$object, "content-encoding"),
            content_disposition: header(&$object, "content-disposition"),
            content_language: header(&$object, "content-language"),
            cache_control: header(&$object, "cache-control"),
            last_modified: Some(objects::timestamp($object.modified)),
            metadata: objects::metadata_out(&$object),
            e_tag: Some(objects::etag(&$object)),
            checksum_crc32: $sum("crc32"),
            checksum_crc32c: $sum("crc32c"),
            checksum_crc64nvme: $sum("crc64nvme"),
            checksum_sha1: $sum("sha1"),
            checksum_sha256: $sum("sha256"),
            ..Default::default()
        }
    };
}

fn header(o: &Row, name: &str) -> Option<String> {
    o.headers.get(name).cloned()
}

pub(super) async fn get_object(
    sim: &Arc<Sim>,
    req: S3Request<GetObjectInput>,
) -> S3Result<S3Response<GetObjectOutput>> {
    let i = &req.input;
    allow(sim, &req, &i.bucket, Access::Read)?;
    let object = sim.world.read(|w| objects::find(w, &i.bucket, &i.key))?;
    objects::check_read(&object, i.if_match.as_ref(), i.if_none_match.as_ref())?;
    let mut file = tokio::fs::File::open(blobs::path(sim, &object.data))
        .await
        .map_err(|e| s3_error!(InternalError, "storage: {e}"))?;
    let range = i.range.map(|r| r.check(object.size)).transpose()?;
    let (start, length) = match &range {
        Some(r) => (r.start, r.end - r.start),
        None => (0, object.size),
    };
    if start > 0 {
        file.seek(SeekFrom::Start(start))
            .await
            .map_err(|e| s3_error!(InternalError, "storage: {e}"))?;
    }
    let stream = ReaderStream::with_capacity(file.take(length), 64 * 1024);
    let whole = range.is_none();
    let sum = |name: &str| whole.then(|| object.checksums.get(name).cloned()).flatten();
    ok(described!(GetObjectOutput, object, sum, {
        body: Some(StreamingBlob::wrap(stream)),
        content_length: i64::try_from(length).ok(),
        content_range: range
            .map(|r| format!("bytes {}-{}/{}", r.start, r.end - 1, object.size)),
    }))
}

pub(super) async fn head_object(
    sim: &Arc<Sim>,
    req: S3Request<HeadObjectInput>,
) -> S3Result<S3Response<HeadObjectOutput>> {
    let i = &req.input;
    allow(sim, &req, &i.bucket, Access::Read)?;
    let object = sim.world.read(|w| objects::find(w, &i.bucket, &i.key))?;
    objects::check_read(&object, i.if_match.as_ref(), i.if_none_match.as_ref())?;
    let sum = |name: &str| object.checksums.get(name).cloned();
    ok(described!(HeadObjectOutput, object, sum, {
        content_length: i64::try_from(object.size).ok(),
    }))
}
