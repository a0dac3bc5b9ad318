//! PersistentVolumeClaims and PersistentVolumes.

mod attach;
mod claim;
mod persistent;
mod plan;

pub use attach::{Attachments, attachment_name};
pub use claim::Claims;
pub use persistent::Volumes;

use crate::controllers::context::Ctx;

/// The provisioner that the CSI driver answers for which a cluster installs by itself.
const DRIVER: &str = "dobs.csi.digitalocean.com";

/// Returns the provisioner that the CSI driver of this cluster answers for.
fn driver(ctx: &Ctx) -> &str {
    ctx.options().managed.as_ref().map_or(DRIVER, |managed| managed.volume_driver.as_str())
}

/// Returns what the CSI driver of this cluster calls itself in events.
fn reporter(ctx: &Ctx) -> String {
    match ctx.options().managed.is_some() {
        true => format!("{}_gke-controller-0", driver(ctx)),
        false => format!("{DRIVER}_csi-do-controller-0"),
    }
}
