//! Multipart uploads.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::{allow, ok};
use crate::s3::auth::Access;
use crate::s3::blobs::{self, Claims};
use crate::s3::guard::Unconditional;
use crate::s3::multipart::{self, PART_NUMBER_MAX};
use crate::s3::objects::{self, Conditions};
use crate::sim::Sim;

pub(super) async fn create_multipart_upload(
    sim: &Arc<Sim>,
    req: S3Request<CreateMultipartUploadInput>,
) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
    allow(sim, &req, &req.input.bucket, Access::Write)?;
    let i = req.input;
    let headers = objects::headers(&[
        ("content-type", i.content_type.as_deref()),
        ("content-encoding", i.content_encoding.as_deref()),
        ("cache-control", i.cache_control.as_deref()),
    ]);
    let metadata = objects::metadata(i.metadata.as_ref());
    let id = multipart::begin(sim, &i.bucket, &i.key, headers, metadata)?;
    ok(CreateMultipartUploadOutput {
        bucket: Some(i.bucket),
        key: Some(i.key),
        upload_id: Some(id),
        ..Default::default()
    })
}

pub(super) async fn upload_part(
    sim: &Arc<Sim>,
    req: S3Request<UploadPartInput>,
) -> S3Result<S3Response<UploadPartOutput>> {
    allow(sim, &req, &req.input.bucket, Access::Write)?;
    let trailers = req.trailing_headers;
    let i = req.input;
    if !(1..=PART_NUMBER_MAX).contains(&i.part_number) {
        return Err(s3_error!(InvalidArgument, "part number must be 1 to 10000"));
    }
    multipart::check(sim, &i.upload_id, &i.bucket, &i.key)?;
    let claims = claims!(i, trailers);
    let blob = blobs::write(sim, i.body, claims).await?;
    let e_tag = Some(ETag::Strong(blob.md5.clone()));
    let checksum_crc32 = blob.checksum.checksum_crc32.clone();
    multipart::add(sim, &i.upload_id, &i.bucket, &i.key, i.part_number, blob)?;
    ok(UploadPartOutput { e_tag, checksum_crc32, ..Default::default() })
}

pub(super) async fn complete_multipart_upload(
    sim: &Arc<Sim>,
    req: S3Request<CompleteMultipartUploadInput>,
) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
    allow(sim, &req, &req.input.bucket, Access::Write)?;
    let ignored = req.extensions.get::<Unconditional>().is_some();
    let i = req.input;
    let parts = i.multipart_upload.and_then(|m| m.parts).unwrap_or_default();
    let conditions = Conditions::of(i.if_match, i.if_none_match, ignored);
    let object =
        multipart::complete(sim, &i.upload_id, &i.bucket, &i.key, &parts, &conditions).await?;
    ok(CompleteMultipartUploadOutput {
        bucket: Some(i.bucket),
        key: Some(i.key),
        e_tag: Some(objects::etag(&object)),
        ..Default::default()
    })
}

pub(super) async fn abort_multipart_upload(
    sim: &Arc<Sim>,
    req: S3Request<AbortMultipartUploadInput>,
) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
    allow(sim, &req, &req.input.bucket, Access::Write)?;
    let i = &req.input;
    multipart::abort(sim, &i.upload_id, &i.bucket, &i.key)?;
    ok(AbortMultipartUploadOutput::default())
}

pub(super) async fn list_parts(
    sim: &Arc<Sim>,
    req: S3Request<ListPartsInput>,
) -> S3Result<S3Response<ListPartsOutput>> {
    allow(sim, &req, &req.input.bucket, Access::Read)?;
    let i = req.input;
    let upload = multipart::check(sim, &i.upload_id, &i.bucket, &i.key)?;
    ok(ListPartsOutput {
        bucket: Some(i.bucket),
        key: Some(i.key),
        upload_id: Some(i.upload_id),
        is_truncated: Some(false),
        parts: Some(
            upload
                .parts
                .iter()
                .map(|(number, p)| Part {
                    part_number: Some(*number),
                    e_tag: Some(ETag::Strong(p.etag.clone())),
                    size: i64::try_from(p.size).ok(),
                    last_modified: Some(objects::timestamp(p.modified)),
                    ..Default::default()
                })
                .collect(),
        ),
        ..Default::default()
    })
}
