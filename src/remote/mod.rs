//! The record of a cluster in a bucket, with the certificates and their keys: where the bucket is,
//! what is encrypted, and the working copy on this machine.
//!
//! How the journal lies in the bucket and who may write it is the engine's:
//! [`crate::state::store::remote`], [`crate::state::lock::remote`].

mod bucket;
mod copy;
mod empty;
mod files;
mod guard;
mod keys;
mod migrate;
mod pin;
mod prompt;
mod proof;
mod record;
mod signing;
mod target;

pub use copy::{Marker, refuse_working_copy};
pub use empty::finish;
pub use keys::Keyring;
pub use migrate::{Moved, Piece, bring_back, send_off};
pub use record::RemoteRecord;
pub use target::Target;
