//! The metadata service of a droplet, as at 169.254.169.254. The machine's token is in the path, as
//! the real one knows who asks by where the question comes from.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::token;
use crate::sim::Sim;

/// Answers `GET /sim/machines/<droplet>/<token>/metadata/v1/…`.
pub async fn get(
    State(sim): State<Arc<Sim>>,
    Path((droplet, given, path)): Path<(u64, String, String)>,
) -> Response {
    if !token::matches(&sim, droplet, &given) {
        return StatusCode::FORBIDDEN.into_response();
    }
    let Some(row) = sim.world.droplet(droplet) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let public = row.public_ip.map(|ip| ip.to_string());
    let text = match path.trim_matches('/') {
        "id" => row.id.to_string(),
        "hostname" => row.name.clone(),
        "region" => row.region.clone(),
        "tags" => row.tags.join("\n"),
        "interfaces/public/0/ipv4/address" | "public_ipv4" => match public {
            Some(ip) => ip,
            None => return StatusCode::NOT_FOUND.into_response(),
        },
        "interfaces/private/0/ipv4/address" => row.private_ip.to_string(),
        "user-data" => sim.world.user_data(droplet).unwrap_or_default(),
        "" => "id\nhostname\nuser-data\nregion\ninterfaces/\ntags".to_owned(),
        "interfaces" => "private/\npublic/".to_owned(),
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    text.into_response()
}
