//! The archives a node fetches, and what they are made of.

mod archive;
mod files;
mod revision;

pub use archive::{ArchiveFile, tar, tar_gz};
pub use files::{NodeFile, NodeFiles, bundle_archive, pki_archive};
pub use revision::{RevisionInputs, SettingsInputs, revision};
