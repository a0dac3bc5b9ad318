//! Cloud DNS: zones, and records that change all together or not at all.

mod apply;
mod changes;
mod data;
mod names;
mod sets;
mod zones;

pub use changes::resume;
pub use names::{records, zone_names};

use crate::gcp::http::Routes;

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    zones::add(routes);
    sets::add(routes);
    changes::add(routes);
}
