//! S3, as Spaces speaks it: path style, presigned URLs, conditional writes.
//!
//! `s3s` reads requests, checks signatures and their expiry, and writes answers. Objects are rows of
//! the world and files named by number, so that any key fits a file system, a write is whole or not
//! there at all, and two writers with `If-None-Match: *` never both win.

mod auth;
mod blobs;
mod guard;
mod list;
mod multipart;
mod objects;
mod service;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use s3s::service::S3ServiceBuilder;

use crate::api::Api;

/// Makes the router of the S3 listener.
pub fn router(api: &Arc<Api>) -> Router {
    let sim = api.sim.clone();
    blobs::sweep(&sim);
    let mut builder = S3ServiceBuilder::new(service::Spaces::new(sim.clone()));
    builder.set_auth(auth::Keys(sim));
    let service = builder.build();
    Router::new()
        .fallback(move |request| guard::handle(service.clone(), request))
        .layer(from_fn_with_state(api.clone(), guard::faults))
}
