//! The files a node needs: which, from where, fetched, verified, synced.

mod catalog;
mod checksum;
mod error;
mod fetch;
mod item;
mod local;
mod lock;
mod progress;
mod stand_in;
mod sync;
mod verify;

pub use catalog::{Catalog, Mirrors, Series, default_version, known_series, parse_version};
pub use checksum::{find_checksum, sha256_bytes, sha256_file};
pub use error::ArtifactError;
pub use fetch::fetch;
pub use item::{Arch, Artifact, ArtifactKind};
pub use local::take_from_folder;
pub use lock::{LOCK_VERSION, Lock, Locked};
pub use progress::{NoProgress, Progress};
pub use stand_in::stand_ins;
pub use sync::{SyncReport, key_of, sync};
pub use verify::{CacheState, Verified, verify};
