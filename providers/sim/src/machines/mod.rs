//! The machines behind droplets: a folder as the disk, real bash for what user-data runs.

mod boot;
mod boots;
mod cloud_config;
mod disk;
mod endpoints;
mod environment;
mod fast;
mod metadata;
mod process;
mod record;
mod resolve;
mod rewrite;
mod set;
mod size;
mod stand_ins;
mod token;
mod units;
mod user_data;
mod write_files;

#[cfg(test)]
mod tests;

pub use disk::Disk;
pub use endpoints::routes;
pub use record::{BootState, MachineRecord};
pub use resolve::{admits, firewall_at, look_up, resolve, resolve_from};
pub use set::{MachineSet, open};
pub use size::of as size_of;
pub use units::is_active as unit_is_active;
