//! One bucket of an S3 store.

mod admin;
mod bucket;
mod conditional;
mod config;
mod error;
mod list;
mod multipart;
mod owner;
mod presign;

pub use admin::BucketState;
pub use bucket::Bucket;
pub use conditional::{Condition, Fetched};
pub use config::ObjectStore;
pub use error::StoreError;
pub use list::ObjectMeta;
pub use multipart::{MULTIPART_FROM, PART_BYTES};
