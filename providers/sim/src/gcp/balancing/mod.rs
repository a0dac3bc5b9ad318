//! What the controllers of a GKE cluster make in the project: load balancers in their parts, disks,
//! firewalls.

mod cloud;
mod cluster;
mod descriptions;
mod disks;
mod ensure;
mod firewalls;
mod make;
mod remove;

pub use cloud::GkeCloud;
pub use firewalls::{forget as remove_firewalls, put as put_firewalls};
pub use remove::all as remove_all;

#[cfg(test)]
mod tests;
