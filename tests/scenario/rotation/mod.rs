//! Nodes are replaced while the apps keep running.

mod control_planes;
mod many;
mod prober;
mod upgrade;
mod worker;

use super::lab::Lab;

/// The names of the machines that exist, sorted.
fn machines(lab: &Lab) -> Vec<String> {
    lab.inventory().names("droplets")
}
