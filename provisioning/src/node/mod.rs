//! One node, put together: preview, publish, watch.

mod assemble;
mod error;
mod hand_over;
mod kit;
mod publish;
mod report;
mod status;

pub use error::NodeKitError;
pub use hand_over::{HandOver, MACHINE_TAG, end_hand_over, hand_over, hand_overs};
pub use infra_ssl::PkiFile;
pub use kit::{DEFAULT_URL_TTL, NodeKit, REPORT_URL_TTL};
pub use publish::{
    KeyBundle, NodeKeys, PublishedNode, grant_turn, key_bundles, keys, preview, publish_node,
    remove_node, report_of_call, report_of_machine,
};
pub use status::{BootStatus, StageState, StageStatus, read_boot_status, read_status};
