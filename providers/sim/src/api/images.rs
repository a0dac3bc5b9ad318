//! `/v2/images`: the vendor's own images; there are no custom ones.

use std::sync::Arc;

use axum::Router;
use axum::extract::Path;
use axum::routing::get;
use serde_json::{Value, json};

use super::{Answer, Api, Listing, Refusal, Reply};
use crate::catalog::catalog;

pub fn routes() -> Router<Arc<Api>> {
    Router::new().route("/images", get(list)).route("/images/{id}", get(show))
}

/// Finds an image by id or slug.
pub fn find(id: &str) -> Option<&'static Value> {
    match id.parse::<u64>() {
        Ok(number) => catalog().image(number),
        Err(_) => catalog().image_slug(id),
    }
}

async fn list(listing: Listing) -> Reply {
    let wanted = match listing.query("type") {
        None | Some("distribution") => true,
        Some("application") => false,
        Some(_) => {
            return Err(Refusal::unprocessable("type must be application or distribution"));
        }
    };
    let none =
        !wanted || listing.query("private") == Some("true") || listing.query("tag_name").is_some();
    let all: Vec<&Value> = catalog().images.iter().filter(|_| !none).collect();
    Ok(listing.page("images", all, Value::clone))
}

async fn show(Path(id): Path<String>) -> Reply {
    let image = find(&id).ok_or_else(Refusal::not_found)?;
    Ok(Answer::ok(json!({ "image": image })))
}
