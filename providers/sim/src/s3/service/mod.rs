//! The operations of S3.

/// What the client says about the body it sends: the same fields of several requests.
macro_rules! claims {
    ($request:ident, $trailers:ident) => {
        Claims {
            md5: $request.content_md5,
            length: $request.content_length,
            algorithm: $request.checksum_algorithm.map(|a| a.as_str().to_owned()),
            checksum: Checksum {
                checksum_crc32: $request.checksum_crc32,
                checksum_crc32c: $request.checksum_crc32c,
                checksum_crc64nvme: $request.checksum_crc64nvme,
                checksum_sha1: $request.checksum_sha1,
                checksum_sha256: $request.checksum_sha256,
                ..Default::default()
            },
            trailers: $trailers,
        }
    };
}

mod buckets;
mod lists;
mod parts;
mod read;
mod write;

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3, S3Request, S3Response, S3Result};

use super::auth::{self, Access};
use crate::sim::Sim;

/// S3 over the world.
pub struct Spaces {
    sim: Arc<Sim>,
}

impl Spaces {
    /// Makes the service over this embedded cloud.
    pub fn new(sim: Arc<Sim>) -> Self {
        Self { sim }
    }
}

fn allow<T>(sim: &Sim, req: &S3Request<T>, bucket: &str, access: Access) -> S3Result<()> {
    auth::allow(sim, req.credentials.as_ref(), bucket, access)
}

fn ok<T>(output: T) -> S3Result<S3Response<T>> {
    Ok(S3Response::new(output))
}

/// Each operation is a function of its room.
macro_rules! operations {
    ($($room:ident::$name:ident($input:ty) -> $output:ty;)*) => {
        #[async_trait::async_trait]
        impl S3 for Spaces {
            $(async fn $name(&self, req: S3Request<$input>) -> S3Result<S3Response<$output>> {
                $room::$name(&self.sim, req).await
            })*
        }
    };
}

operations! {
    buckets::list_buckets(ListBucketsInput) -> ListBucketsOutput;
    buckets::create_bucket(CreateBucketInput) -> CreateBucketOutput;
    buckets::head_bucket(HeadBucketInput) -> HeadBucketOutput;
    buckets::get_bucket_location(GetBucketLocationInput) -> GetBucketLocationOutput;
    buckets::delete_bucket(DeleteBucketInput) -> DeleteBucketOutput;
    write::put_object(PutObjectInput) -> PutObjectOutput;
    write::copy_object(CopyObjectInput) -> CopyObjectOutput;
    write::delete_object(DeleteObjectInput) -> DeleteObjectOutput;
    write::delete_objects(DeleteObjectsInput) -> DeleteObjectsOutput;
    read::get_object(GetObjectInput) -> GetObjectOutput;
    read::head_object(HeadObjectInput) -> HeadObjectOutput;
    lists::list_objects_v2(ListObjectsV2Input) -> ListObjectsV2Output;
    lists::list_objects(ListObjectsInput) -> ListObjectsOutput;
    parts::create_multipart_upload(CreateMultipartUploadInput) -> CreateMultipartUploadOutput;
    parts::upload_part(UploadPartInput) -> UploadPartOutput;
    parts::complete_multipart_upload(CompleteMultipartUploadInput) -> CompleteMultipartUploadOutput;
    parts::abort_multipart_upload(AbortMultipartUploadInput) -> AbortMultipartUploadOutput;
    parts::list_parts(ListPartsInput) -> ListPartsOutput;
}
