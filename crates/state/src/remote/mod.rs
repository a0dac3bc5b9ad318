//! The state of a cluster in a bucket, with the certificates and their keys: what is encrypted and
//! signed, the working copy on this machine, and moving between the two.
//!
//! How the journal lies in the bucket and who may write it is said in [`crate::store::remote`] and
//! [`crate::lock::remote`].

mod copy_lock;
mod empty_bucket;
mod encryption;
mod files;
mod guard;
mod migrate;
mod options;
mod pin;
mod proof;
mod signing;
mod state;
mod working_copy;

pub(crate) use copy_lock::COPY_LOCK;
pub use empty_bucket::finish;
pub use encryption::Keyring;
pub use migrate::{Moved, Piece, bring_back, send_off};
pub use options::{RemoteOptions, StateBucket, User};
pub use state::RemoteState;
pub(crate) use working_copy::ROTATIONS;
pub use working_copy::{Marker, refuse_working_copy};
