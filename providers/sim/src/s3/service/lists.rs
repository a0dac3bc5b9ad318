//! Listing objects.

use std::sync::Arc;

use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result};

use super::{allow, ok};
use crate::s3::auth::Access;
use crate::s3::list::{self, Page, Query};
use crate::sim::Sim;

/// The same fields of both versions of the request.
macro_rules! query {
    ($request:ident, $after:expr) => {
        &Query {
            bucket: &$request.bucket,
            prefix: $request.prefix.as_deref().unwrap_or_default(),
            delimiter: $request.delimiter.as_deref(),
            after: $after,
            max: $request.max_keys,
            encode: $request.encoding_type.as_ref().is_some_and(|e| e.as_str() == "url"),
        }
    };
}

fn page(sim: &Sim, query: &Query<'_>) -> S3Result<Page> {
    sim.world.read(|w| list::page(w, query))
}

pub(super) async fn list_objects_v2(
    sim: &Arc<Sim>,
    req: S3Request<ListObjectsV2Input>,
) -> S3Result<S3Response<ListObjectsV2Output>> {
    allow(sim, &req, &req.input.bucket, Access::Read)?;
    let i = req.input;
    let page = page(sim, query!(i, i.continuation_token.as_deref().or(i.start_after.as_deref())))?;
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

pub(super) async fn list_objects(
    sim: &Arc<Sim>,
    req: S3Request<ListObjectsInput>,
) -> S3Result<S3Response<ListObjectsOutput>> {
    allow(sim, &req, &req.input.bucket, Access::Read)?;
    let i = req.input;
    let page = page(sim, query!(i, i.marker.as_deref()))?;
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
