//! One node, put together: preview, publish, watch.

mod assemble;
mod error;
mod kit;
mod publish;
mod report;
mod status;

pub use error::NodeKitError;
pub use infra_ssl::PkiFile;
pub use kit::{DEFAULT_URL_TTL, NodeKit, REPORT_URL_TTL};
pub use publish::{
    KeyBundle, NodeKeys, PublishedNode, grant_turn, is_turn_granted, key_bundles, keys, preview,
    publish_node, remove_node,
};
pub use status::{BootStatus, StageState, StageStatus, read_boot_status, read_status};
