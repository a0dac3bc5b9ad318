//! What is kept between runs: identity, journal, snapshot, history.

mod append;
mod backend;
mod error;
mod fault_point;
mod folder;
mod history;
mod identity;
mod open;
pub mod remote;
mod snapshot;

pub use backend::Backend;
pub use error::StoreError;
pub use folder::Folder;
pub use folder::make_folder;
pub use history::History;
pub use identity::derived_uuid;
pub use open::Store;
pub use snapshot::decode as read_snapshot;
