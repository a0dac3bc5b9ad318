//! `cargo xtask apps-bench`: 500 objects applied by `infra apps` and by kubectl, side by side on the
//! same API server.

mod objects;
mod run;
mod tools;

pub use run::{AppsBenchArgs, run};
