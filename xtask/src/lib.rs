//! Chores that are too long for every build. A test runs a sample of them.

pub mod apps_bench;
pub mod bench;
pub mod sweep;
