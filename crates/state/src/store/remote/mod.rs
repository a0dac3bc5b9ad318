//! A state in a bucket: the journal as objects that are each written once, under a lease.

mod backend;
mod objects;
mod probe;
mod seal;
mod segments;
mod signed;
mod watermark;

pub use backend::Remote;
pub use objects::{Object, Objects, Only};
pub use probe::probe;
pub use seal::{KEY, Seal, summed};
pub use signed::Signed;
pub use watermark::{Mark, Watermark};
