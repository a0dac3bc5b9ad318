//! Compute Engine: networks and what is in them, and the operations that make them.

mod addresses;
mod balancing;
mod checks;
mod disks;
mod firewalls;
mod insert;
mod kinds;
pub mod links;
mod networks;
pub mod operations;
mod patch;
mod remove;
mod routers;
mod routes;
mod runner;
mod shapes;
mod subnetworks;
pub mod uses;
mod view;

pub use checks::{is_name, labels as check_labels};
pub use insert::put;
pub use kinds::Kind;
pub use routes::add;
pub use runner::{remove as take_away, resume};
pub use shapes::shape;
pub use view::view;

use jiff::Timestamp;

/// Writes a time as Compute Engine does.
pub fn time(at: Timestamp) -> String {
    // Its front end is in California.
    let offset = jiff::tz::Offset::constant(-8);
    at.display_with_offset(offset).to_string()
}

/// Makes a fingerprint of what is shown.
pub fn fingerprint(of: &serde_json::Value) -> String {
    use base64::Engine;
    use sha2::Digest;
    let digest = sha2::Sha256::digest(of.to_string().as_bytes());
    base64::engine::general_purpose::STANDARD.encode(&digest[..8])
}
