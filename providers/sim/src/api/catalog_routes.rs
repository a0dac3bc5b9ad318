//! `/v2/regions` and `/v2/sizes`

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use serde_json::Value;

use super::{Api, Listing, Reply};
use crate::catalog::catalog;

pub fn routes() -> Router<Arc<Api>> {
    Router::new().route("/regions", get(regions)).route("/sizes", get(sizes))
}

async fn regions(listing: Listing) -> Reply {
    let all: Vec<&Value> = catalog().regions.iter().collect();
    Ok(listing.page("regions", all, Value::clone))
}

async fn sizes(listing: Listing) -> Reply {
    let all: Vec<&Value> = catalog().sizes.iter().collect();
    Ok(listing.page("sizes", all, Value::clone))
}
