//! The lock of a cluster: a file lock, and a lease in the file that says who holds it.
//!
//! The file lock settles it between processes of one machine and ends with the process, however it
//! ends. The lease is for people ("held by …") and for machines that share the folder without
//! sharing file locks.

mod acquire;
mod file;
mod lease;
mod process;
pub mod remote;

pub use acquire::{Lock, LockError, LockOptions};
pub use lease::Lease;
pub use process::ProcessId;
