//! What is kept between runs: identity, journal, snapshot, plans, rotations.

mod append;
mod backend;
mod error;
mod fault_point;
mod folder;
mod history;
mod identity;
mod kept;
mod open;
pub mod remote;
mod snapshot;

pub use backend::Backend;
pub use error::StoreError;
pub use folder::Folder;
pub(crate) use folder::make_folder;
pub use history::History;
pub use identity::derived_uuid;
pub use open::Store;
pub(crate) use snapshot::decode as read_snapshot;
