//! PersistentVolumeClaims and PersistentVolumes.

mod attach;
mod claim;
mod persistent;
mod plan;

pub use attach::{Attachments, attachment_name};
pub use claim::Claims;
pub use persistent::Volumes;

/// The provisioner that the embedded cloud's CSI driver answers for.
pub const DRIVER: &str = "dobs.csi.digitalocean.com";
