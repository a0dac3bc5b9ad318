//! The operations of S3.

use std::collections::BTreeMap;
use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use tokio::io::{AsyncReadExt, AsyncSeekExt, SeekFrom};
use tokio_util::io::ReaderStream;

use super::auth::{Access, allow};
use super::blobs::{self, Claims};
use super::guard::Unconditional;
use super::list::{self, Query};
use super::multipart::{self, PART_NUMBER_MAX};
use super::objects::{self, Conditions, NewObject};
use crate::sim::Sim;
use crate::world::{Bucket as BucketRow, Object as Row};

/// Buckets of other accounts, for trying what a taken name does: all that begin so.
const FOREIGN_PREFIX: &str = "taken-";
const CONTENT_TYPE_DEFAULT: &str = "binary/octet-stream";

/// S3 over the world.
pub struct Spaces {
    sim: Arc<Sim>,
}

impl Spaces {
    /// Over this embedded cloud.
    pub fn new(sim: Arc<Sim>) -> Self {
        Self { sim }
    }

    fn allow<T>(&self, req: &S3Request<T>, bucket: &str, access: Access) -> S3Result<()> {
        allow(&self.sim, req.credentials.as_ref(), bucket, access)
    }
}

fn ok<T>(output: T) -> S3Result<S3Response<T>> {
    Ok(S3Response::new(output))
}

fn header(o: &Row, name: &str) -> Option<String> {
    o.headers.get(name).cloned()
}

#[async_trait::async_trait]
impl S3 for Spaces {
    async fn list_buckets(
        &self,
        req: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        self.allow(&req, "", Access::Admin)?;
        let mut buckets: Vec<Bucket> = self.sim.world.read(|w| {
            w.buckets
                .iter()
                .map(|b| Bucket {
                    name: Some(b.name.clone()),
                    creation_date: Some(objects::timestamp(b.created_at)),
                    bucket_region: None,
                })
                .collect()
        });
        buckets.sort_by(|a, b| a.name.cmp(&b.name));
        ok(ListBucketsOutput { buckets: Some(buckets), ..Default::default() })
    }

    async fn create_bucket(
        &self,
        req: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        self.allow(&req, &req.input.bucket, Access::Admin)?;
        let name = req.input.bucket;
        if name.starts_with(FOREIGN_PREFIX) {
            return Err(s3_error!(
                BucketAlreadyExists,
                "The requested bucket name is not available. The bucket namespace is shared by all users."
            ));
        }
        self.sim.world.write(|w| {
            if w.buckets.by_id(&name).is_some() {
                return Err(s3_error!(
                    BucketAlreadyOwnedByYou,
                    "Your previous request to create the named bucket succeeded and you already own it."
                ));
            }
            let seq = w.counters.next_order();
            w.buckets.put(BucketRow {
                seq,
                name: name.clone(),
                created_at: jiff::Timestamp::now(),
            });
            ok(CreateBucketOutput {
                location: Some(format!("/{name}")),
            })
        })
    }

    async fn head_bucket(
        &self,
        req: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        if req.input.bucket.starts_with(FOREIGN_PREFIX) {
            return Err(s3_error!(AccessDenied, "Access Denied"));
        }
        self.allow(&req, &req.input.bucket, Access::Read)?;
        self.sim.world.read(|w| objects::bucket(w, &req.input.bucket))?;
        ok(HeadBucketOutput::default())
    }

    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.allow(&req, &req.input.bucket, Access::Read)?;
        self.sim.world.read(|w| objects::bucket(w, &req.input.bucket))?;
        ok(GetBucketLocationOutput::default())
    }

    async fn delete_bucket(
        &self,
        req: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        let name = &req.input.bucket;
        self.allow(&req, name, Access::Admin)?;
        self.sim.world.write(|w| {
            objects::bucket(w, name)?;
            let full = w.objects.by_name(name).next().is_some()
                || w.uploads.by_name(name).next().is_some();
            if full {
                return Err(s3_error!(
                    BucketNotEmpty,
                    "The bucket you tried to delete is not empty"
                ));
            }
            let seq = w.buckets.by_id(name).map(|b| b.seq);
            seq.and_then(|s| w.buckets.remove(s));
            ok(DeleteBucketOutput {})
        })
    }

    async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        self.allow(&req, &req.input.bucket, Access::Write)?;
        let trailers = req.trailing_headers;
        let ignored = req.extensions.get::<Unconditional>().is_some();
        let i = req.input;
        let conditions = Conditions::of(i.if_match, i.if_none_match, ignored);
        // Before the body is read, so that a lost race costs no transfer; and again when it is there.
        self.sim.world.read(|w| objects::check(w, &i.bucket, &i.key, &conditions))?;
        let claims = Claims {
            md5: i.content_md5,
            length: i.content_length,
            algorithm: i.checksum_algorithm.map(|a| a.as_str().to_owned()),
            checksum: Checksum {
                checksum_crc32: i.checksum_crc32,
                checksum_crc32c: i.checksum_crc32c,
                checksum_crc64nvme: i.checksum_crc64nvme,
                checksum_sha1: i.checksum_sha1,
                checksum_sha256: i.checksum_sha256,
                ..Default::default()
            },
            trailers,
        };
        let blob = blobs::write(&self.sim, i.body, claims).await?;
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
        let object = objects::put(&self.sim, new, &conditions)?;
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

    async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let i = &req.input;
        self.allow(&req, &i.bucket, Access::Read)?;
        let object = self.sim.world.read(|w| objects::find(w, &i.bucket, &i.key))?;
        objects::check_read(&object, i.if_match.as_ref(), i.if_none_match.as_ref())?;
        let mut file = tokio::fs::File::open(blobs::path(&self.sim, &object.data))
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
        ok(GetObjectOutput {
            body: Some(StreamingBlob::wrap(stream)),
            content_length: i64::try_from(length).ok(),
            content_range: range
                .map(|r| format!("bytes {}-{}/{}", r.start, r.end - 1, object.size)),
            accept_ranges: Some("bytes".to_owned()),
            content_type: header(&object, "content-type")
                .or_else(|| Some(CONTENT_TYPE_DEFAULT.to_owned())),
            content_encoding: header(&object, "content-encoding"),
            content_disposition: header(&object, "content-disposition"),
            content_language: header(&object, "content-language"),
            cache_control: header(&object, "cache-control"),
            last_modified: Some(objects::timestamp(object.modified)),
            metadata: objects::metadata_out(&object),
            e_tag: Some(objects::etag(&object)),
            checksum_crc32: sum("crc32"),
            checksum_crc32c: sum("crc32c"),
            checksum_crc64nvme: sum("crc64nvme"),
            checksum_sha1: sum("sha1"),
            checksum_sha256: sum("sha256"),
            ..Default::default()
        })
    }

    async fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let i = &req.input;
        self.allow(&req, &i.bucket, Access::Read)?;
        let object = self.sim.world.read(|w| objects::find(w, &i.bucket, &i.key))?;
        objects::check_read(&object, i.if_match.as_ref(), i.if_none_match.as_ref())?;
        let sum = |name: &str| object.checksums.get(name).cloned();
        ok(HeadObjectOutput {
            content_length: i64::try_from(object.size).ok(),
            accept_ranges: Some("bytes".to_owned()),
            content_type: header(&object, "content-type")
                .or_else(|| Some(CONTENT_TYPE_DEFAULT.to_owned())),
            content_encoding: header(&object, "content-encoding"),
            content_disposition: header(&object, "content-disposition"),
            content_language: header(&object, "content-language"),
            cache_control: header(&object, "cache-control"),
            last_modified: Some(objects::timestamp(object.modified)),
            metadata: objects::metadata_out(&object),
            e_tag: Some(objects::etag(&object)),
            checksum_crc32: sum("crc32"),
            checksum_crc32c: sum("crc32c"),
            checksum_crc64nvme: sum("crc64nvme"),
            checksum_sha1: sum("sha1"),
            checksum_sha256: sum("sha256"),
            ..Default::default()
        })
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.allow(&req, &req.input.bucket, Access::Write)?;
        objects::remove(&self.sim, &req.input.bucket, &req.input.key)?;
        ok(DeleteObjectOutput::default())
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.allow(&req, &req.input.bucket, Access::Write)?;
        let delete = req.input.delete;
        if delete.objects.len() > 1000 {
            return Err(s3_error!(MalformedXML, "at most 1000 keys in one request"));
        }
        let mut deleted = Vec::new();
        for one in delete.objects {
            objects::remove(&self.sim, &req.input.bucket, &one.key)?;
            deleted.push(DeletedObject { key: Some(one.key), ..Default::default() });
        }
        ok(DeleteObjectsOutput {
            deleted: (delete.quiet != Some(true)).then_some(deleted),
            ..Default::default()
        })
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.allow(&req, &req.input.bucket, Access::Read)?;
        let i = req.input;
        let page = self.sim.world.read(|w| {
            list::page(
                w,
                &Query {
                    bucket: &i.bucket,
                    prefix: i.prefix.as_deref().unwrap_or_default(),
                    delimiter: i.delimiter.as_deref(),
                    after: i.continuation_token.as_deref().or(i.start_after.as_deref()),
                    max: i.max_keys,
                    encode: i.encoding_type.as_ref().is_some_and(|e| e.as_str() == "url"),
                },
            )
        })?;
        ok(ListObjectsV2Output {
            key_count: i32::try_from(page.objects.len() + page.prefixes.len()).ok(),
            max_keys: Some(page.max),
            is_truncated: Some(page.next.is_some()),
            contents: Some(page.objects),
            common_prefixes: Some(page.prefixes),
            next_continuation_token: page.next,
            continuation_token: i.continuation_token,
            delimiter: i.delimiter,
            encoding_type: i.encoding_type,
            name: Some(i.bucket),
            prefix: Some(i.prefix.unwrap_or_default()),
            start_after: i.start_after,
            ..Default::default()
        })
    }

    async fn list_objects(
        &self,
        req: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        self.allow(&req, &req.input.bucket, Access::Read)?;
        let i = req.input;
        let page = self.sim.world.read(|w| {
            list::page(
                w,
                &Query {
                    bucket: &i.bucket,
                    prefix: i.prefix.as_deref().unwrap_or_default(),
                    delimiter: i.delimiter.as_deref(),
                    after: i.marker.as_deref(),
                    max: i.max_keys,
                    encode: i.encoding_type.as_ref().is_some_and(|e| e.as_str() == "url"),
                },
            )
        })?;
        ok(ListObjectsOutput {
            max_keys: Some(page.max),
            is_truncated: Some(page.next.is_some()),
            contents: Some(page.objects),
            common_prefixes: Some(page.prefixes),
            next_marker: page.next,
            marker: i.marker,
            delimiter: i.delimiter,
            encoding_type: i.encoding_type,
            name: Some(i.bucket),
            prefix: i.prefix,
            ..Default::default()
        })
    }

    async fn copy_object(
        &self,
        req: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let CopySource::Bucket { bucket, key, .. } = &req.input.copy_source else {
            return Err(s3_error!(NotImplemented));
        };
        self.allow(&req, bucket, Access::Read)?;
        self.allow(&req, &req.input.bucket, Access::Write)?;
        let source = self.sim.world.read(|w| objects::find(w, bucket, key))?;
        let (data, mut file) = blobs::create(&self.sim).await?;
        let from = blobs::path(&self.sim, &source.data);
        let copied = async {
            let mut from = tokio::fs::File::open(from).await?;
            tokio::io::copy(&mut from, &mut file).await?;
            tokio::io::AsyncWriteExt::flush(&mut file).await
        };
        copied.await.map_err(|e| s3_error!(InternalError, "storage: {e}"))?;
        let replace =
            req.input.metadata_directive.as_ref().is_some_and(|d| d.as_str() == "REPLACE");
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
        let object = objects::put(&self.sim, new, &Conditions::default())?;
        ok(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(objects::etag(&object)),
                last_modified: Some(objects::timestamp(object.modified)),
                ..Default::default()
            }),
            ..Default::default()
        })
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.allow(&req, &req.input.bucket, Access::Write)?;
        let i = req.input;
        let headers = objects::headers(&[
            ("content-type", i.content_type.as_deref()),
            ("content-encoding", i.content_encoding.as_deref()),
            ("cache-control", i.cache_control.as_deref()),
        ]);
        let metadata = objects::metadata(i.metadata.as_ref());
        let id = multipart::begin(&self.sim, &i.bucket, &i.key, headers, metadata)?;
        ok(CreateMultipartUploadOutput {
            bucket: Some(i.bucket),
            key: Some(i.key),
            upload_id: Some(id),
            ..Default::default()
        })
    }

    async fn upload_part(
        &self,
        req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        self.allow(&req, &req.input.bucket, Access::Write)?;
        let trailers = req.trailing_headers;
        let i = req.input;
        if !(1..=PART_NUMBER_MAX).contains(&i.part_number) {
            return Err(s3_error!(InvalidArgument, "part number must be 1 to 10000"));
        }
        multipart::check(&self.sim, &i.upload_id, &i.bucket, &i.key)?;
        let claims = Claims {
            md5: i.content_md5,
            length: i.content_length,
            algorithm: i.checksum_algorithm.map(|a| a.as_str().to_owned()),
            checksum: Checksum {
                checksum_crc32: i.checksum_crc32,
                checksum_crc32c: i.checksum_crc32c,
                checksum_crc64nvme: i.checksum_crc64nvme,
                checksum_sha1: i.checksum_sha1,
                checksum_sha256: i.checksum_sha256,
                ..Default::default()
            },
            trailers,
        };
        let blob = blobs::write(&self.sim, i.body, claims).await?;
        let e_tag = Some(ETag::Strong(blob.md5.clone()));
        let checksum_crc32 = blob.checksum.checksum_crc32.clone();
        multipart::add(&self.sim, &i.upload_id, &i.bucket, &i.key, i.part_number, blob)?;
        ok(UploadPartOutput { e_tag, checksum_crc32, ..Default::default() })
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.allow(&req, &req.input.bucket, Access::Write)?;
        let ignored = req.extensions.get::<Unconditional>().is_some();
        let i = req.input;
        let parts = i.multipart_upload.and_then(|m| m.parts).unwrap_or_default();
        let conditions = Conditions::of(i.if_match, i.if_none_match, ignored);
        let object =
            multipart::complete(&self.sim, &i.upload_id, &i.bucket, &i.key, &parts, &conditions)
                .await?;
        ok(CompleteMultipartUploadOutput {
            bucket: Some(i.bucket),
            key: Some(i.key),
            e_tag: Some(objects::etag(&object)),
            ..Default::default()
        })
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.allow(&req, &req.input.bucket, Access::Write)?;
        let i = &req.input;
        multipart::abort(&self.sim, &i.upload_id, &i.bucket, &i.key)?;
        ok(AbortMultipartUploadOutput::default())
    }

    async fn list_parts(
        &self,
        req: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        self.allow(&req, &req.input.bucket, Access::Read)?;
        let i = req.input;
        let upload = multipart::check(&self.sim, &i.upload_id, &i.bucket, &i.key)?;
        let parts: BTreeMap<_, _> = upload.parts.clone();
        ok(ListPartsOutput {
            bucket: Some(i.bucket),
            key: Some(i.key),
            upload_id: Some(i.upload_id),
            is_truncated: Some(false),
            parts: Some(
                parts
                    .into_iter()
                    .map(|(number, p)| Part {
                        part_number: Some(number),
                        e_tag: Some(ETag::Strong(p.etag)),
                        size: i64::try_from(p.size).ok(),
                        last_modified: Some(objects::timestamp(p.modified)),
                        ..Default::default()
                    })
                    .collect(),
            ),
            ..Default::default()
        })
    }
}
