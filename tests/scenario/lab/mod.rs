//! A folder of its own with an embedded cloud of its own, and the binary to run in it.

mod bucket;
mod cloud;
mod config;
mod folder;
mod hands;
mod http;
mod kubectl;
mod outcome;
mod running_command;
mod terminal;

pub use cloud::Inventory;
pub use config::{Config, quickstart};
pub use folder::Lab;
pub use http::{visit, visit_at, visit_tls};
pub use kubectl::Kubectl;
pub use outcome::Ran;
pub use running_command::Watched;
pub use terminal::{ctrl_c_after_the_answer, ctrl_c_at_the_question};

/// Says loudly that a check did not take place.
pub fn skipped(what: &str) {
    eprintln!("\n======== SKIPPED: {what} ========\n");
}
