//! The lock of a state in a bucket: a lease in the object `lock.json`, taken and renewed by
//! conditional writes.
//!
//! Whether a lease has run out is decided by the store's clock alone (how long ago the object was
//! written), so machines whose clocks differ agree. Its holder counts from before the call that
//! renewed it, and ends a margin earlier.

mod acquire;
mod clock;
mod held;

pub use acquire::{LOCK, RemoteLock, read, unlock};
pub use clock::{Clock, SystemClock};
pub use held::Held;
