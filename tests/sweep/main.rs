//! A seeded sample of what `cargo xtask sweep` does in full, and every kind's actions twice and
//! failed once.

mod failing_kinds;
mod idempotence;
mod idempotence_gke;
mod lives;
mod runs;
mod sample;
