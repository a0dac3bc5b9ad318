//! A record in a bucket: the journal as objects that are each written once, under a lease.

mod backend;
mod objects;
mod probe;
mod segments;

pub use backend::Remote;
pub use objects::{Object, Objects, Only};
pub use probe::probe;
