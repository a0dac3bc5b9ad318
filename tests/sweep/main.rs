//! A seeded sample of what `cargo xtask sweep` does in full, and every kind's actions twice and
//! failed once.

mod idempotence;
mod runs;
mod sample;
mod troubled;
