//! The lock of a cluster: a file lock, and a lease in it that says who holds it.

mod acquire;
mod lease;

pub use acquire::{Lock, LockError, LockOptions};
pub use lease::Lease;
