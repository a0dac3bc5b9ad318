//! Writing and deleting objects.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::{allow, ok};
use crate::s3::auth::Access;
use crate::s3::blobs::{self, Claims};
use crate::s3::guard::Unconditional;
use crate::s3::objects::{self, Conditions, NewObject};
use crate::sim::Sim;

pub(super) async fn put_object(
    sim: &Arc<Sim>,
    req: S3Request<PutObjectInput>,
) -> S3Result<S3Response<PutObjectOutput>> {
    allow(sim, &req, &req.input.bucket, Access::Write)?;
    let trailers = req.trailing_headers;
    let ignored = req.extensions.get::<Unconditional>().is_some();
    let i = req.input;
    let conditions = Conditions::of(i.if_match, i.if_none_match, ignored);
    // Before the body is read, so that a lost race costs no transfer; and again when it is there.
    sim.world.read(|w| objects::check(w, &i.bucket, &i.key, &conditions))?;
    let claims = claims!(i, trailers);
    let blob = blobs::write(sim, i.body, claims).await?;
    let checksum = blob.checksum;
    let new = NewObject {
        headers: objects::headers(&[
            ("content-type", i.content_type.as_deref()),
            ("content-encoding", i.content_encoding.as_deref()),
            ("content-disposition", i.content_disposition.as_deref()),
            ("content-language", i.content_language.as_deref()),
            ("cache-control", i.cache_control.as_deref()),
        ]),
        metadata: objects::metadata(i.metadata.as_ref()),
        checksums: objects::checksums(&checksum),
        bucket: i.bucket,
        key: i.key,
        data: blob.data,
        size: blob.size,
        etag: blob.md5,
    };
    let object = objects::put(sim, new, &conditions)?;
    ok(PutObjectOutput {
        e_tag: Some(objects::etag(&object)),
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        ..Default::default()
    })
}

pub(super) async fn copy_object(
    sim: &Arc<Sim>,
    req: S3Request<CopyObjectInput>,
) -> S3Result<S3Response<CopyObjectOutput>> {
    let CopySource::Bucket { bucket, key, .. } = &req.input.copy_source else {
        return Err(s3_error!(NotImplemented));
    };
    allow(sim, &req, bucket, Access::Read)?;
    allow(sim, &req, &req.input.bucket, Access::Write)?;
    let source = sim.world.read(|w| objects::find(w, bucket, key))?;
    let (data, mut file) = blobs::create(sim).await?;
    let from = blobs::path(sim, &source.data);
    let copied = async {
        let mut from = tokio::fs::File::open(from).await?;
        tokio::io::copy(&mut from, &mut file).await?;
        tokio::io::AsyncWriteExt::flush(&mut file).await
    };
    copied.await.map_err(|e| s3_error!(InternalError, "storage: {e}"))?;
    let replace = req.input.metadata_directive.as_ref().is_some_and(|d| d.as_str() == "REPLACE");
    let new = NewObject {
        headers: source.headers.clone(),
        metadata: if replace {
            objects::metadata(req.input.metadata.as_ref())
        } else {
            source.metadata.clone()
        },
        checksums: source.checksums.clone(),
        bucket: req.input.bucket,
        key: req.input.key,
        data,
        size: source.size,
        etag: source.etag.clone(),
    };
    let object = objects::put(sim, new, &Conditions::default())?;
    ok(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: Some(objects::etag(&object)),
            last_modified: Some(objects::timestamp(object.modified)),
            ..Default::default()
        }),
        ..Default::default()
    })
}

pub(super) async fn delete_object(
    sim: &Arc<Sim>,
    req: S3Request<DeleteObjectInput>,
) -> S3Result<S3Response<DeleteObjectOutput>> {
    allow(sim, &req, &req.input.bucket, Access::Write)?;
    objects::remove(sim, &req.input.bucket, &req.input.key)?;
    ok(DeleteObjectOutput::default())
}

pub(super) async fn delete_objects(
    sim: &Arc<Sim>,
    req: S3Request<DeleteObjectsInput>,
) -> S3Result<S3Response<DeleteObjectsOutput>> {
    allow(sim, &req, &req.input.bucket, Access::Write)?;
    let delete = req.input.delete;
    if delete.objects.len() > 1000 {
        return Err(s3_error!(MalformedXML, "at most 1000 keys in one request"));
    }
    let mut deleted = Vec::new();
    for one in delete.objects {
        objects::remove(sim, &req.input.bucket, &one.key)?;
        deleted.push(DeletedObject { key: Some(one.key), ..Default::default() });
    }
    ok(DeleteObjectsOutput {
        deleted: (delete.quiet != Some(true)).then_some(deleted),
        ..Default::default()
    })
}
