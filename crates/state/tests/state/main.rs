//! The state: in a folder and in a bucket, its lock, and what becomes of both when a run is cut off or
//! somebody tampers with them.

mod lock;
mod remote;
mod store;
