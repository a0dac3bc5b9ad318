//! Buckets.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::{allow, ok};
use crate::s3::auth::Access;
use crate::s3::objects;
use crate::sim::Sim;
use crate::world::Bucket as BucketRow;

/// Buckets of other accounts, for trying what a taken name does: all that begin so.
const FOREIGN_PREFIX: &str = "taken-";
/// Buckets of other accounts that let everybody in, as a stranger makes them who waits for what others
/// write: all that begin so. Such a bucket is there from the first time on that somebody asks for it.
const OPEN_PREFIX: &str = "lure-";

pub(super) async fn list_buckets(
    sim: &Arc<Sim>,
    req: S3Request<ListBucketsInput>,
) -> S3Result<S3Response<ListBucketsOutput>> {
    allow(sim, &req, "", Access::Admin)?;
    let mut buckets: Vec<Bucket> = sim.world.read(|w| {
        w.buckets
            .iter()
            .filter(|b| !b.name.starts_with(OPEN_PREFIX))
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

pub(super) async fn create_bucket(
    sim: &Arc<Sim>,
    req: S3Request<CreateBucketInput>,
) -> S3Result<S3Response<CreateBucketOutput>> {
    allow(sim, &req, &req.input.bucket, Access::Admin)?;
    let name = req.input.bucket;
    if name.starts_with(OPEN_PREFIX) {
        lay(sim, &name);
    }
    if name.starts_with(FOREIGN_PREFIX) || name.starts_with(OPEN_PREFIX) {
        return Err(s3_error!(
            BucketAlreadyExists,
            "The requested bucket name is not available. The bucket namespace is shared by all users."
        ));
    }
    sim.world.write(|w| {
        if w.buckets.by_id(&name).is_some() {
            return Err(s3_error!(
                BucketAlreadyOwnedByYou,
                "Your previous request to create the named bucket succeeded and you already own it."
            ));
        }
        let seq = w.counters.next_order();
        w.buckets.put(BucketRow { seq, name: name.clone(), created_at: jiff::Timestamp::now() });
        ok(CreateBucketOutput { location: Some(format!("/{name}")) })
    })
}

/// Makes the bucket of a stranger.
fn lay(sim: &Arc<Sim>, name: &str) {
    sim.world.write(|w| {
        if w.buckets.by_id(name).is_none() {
            let seq = w.counters.next_order();
            let created_at = jiff::Timestamp::now();
            w.buckets.put(BucketRow { seq, name: name.to_owned(), created_at });
        }
    });
}

pub(super) async fn head_bucket(
    sim: &Arc<Sim>,
    req: S3Request<HeadBucketInput>,
) -> S3Result<S3Response<HeadBucketOutput>> {
    if req.input.bucket.starts_with(FOREIGN_PREFIX) {
        return Err(s3_error!(AccessDenied, "Access Denied"));
    }
    if req.input.bucket.starts_with(OPEN_PREFIX) {
        lay(sim, &req.input.bucket);
        return ok(HeadBucketOutput::default());
    }
    allow(sim, &req, &req.input.bucket, Access::Read)?;
    sim.world.read(|w| objects::bucket(w, &req.input.bucket))?;
    ok(HeadBucketOutput::default())
}

pub(super) async fn get_bucket_location(
    sim: &Arc<Sim>,
    req: S3Request<GetBucketLocationInput>,
) -> S3Result<S3Response<GetBucketLocationOutput>> {
    allow(sim, &req, &req.input.bucket, Access::Read)?;
    sim.world.read(|w| objects::bucket(w, &req.input.bucket))?;
    ok(GetBucketLocationOutput::default())
}

pub(super) async fn delete_bucket(
    sim: &Arc<Sim>,
    req: S3Request<DeleteBucketInput>,
) -> S3Result<S3Response<DeleteBucketOutput>> {
    let name = &req.input.bucket;
    allow(sim, &req, name, Access::Admin)?;
    sim.world.write(|w| {
        objects::bucket(w, name)?;
        let full =
            w.objects.by_name(name).next().is_some() || w.uploads.by_name(name).next().is_some();
        if full {
            return Err(s3_error!(BucketNotEmpty, "The bucket you tried to delete is not empty"));
        }
        let seq = w.buckets.by_id(name).map(|b| b.seq);
        seq.and_then(|s| w.buckets.remove(s));
        ok(DeleteBucketOutput {})
    })
}
