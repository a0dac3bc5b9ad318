//! What a verb says where the cloud runs the control plane, and there is nothing of what the verb is about.

use super::error::{CliError, ExitCode};
use crate::{clouds, config::Project};

/// Refuses the verb `verb`, which is about a control plane on machines of the cluster's own, where the cloud
/// runs it.
///
/// # Errors
/// Returns an error that says who runs it.
pub fn refuse_managed(project: &Project, verb: &str) -> Result<(), CliError> {
    let cloud = clouds::find(&project.cluster.provider).filter(|cloud| cloud.is_managed);
    let Some(cloud) = cloud else { return Ok(()) };
    let message = format!(
        "cannot run `infra {verb}`: {} runs the control plane of this cluster, and makes its machines",
        cloud.title
    );
    Err(CliError::new(ExitCode::Invalid, message)
        .hint(
            "`infra status` shows the cluster; the cloud's own console and tools show what it runs",
        )
        .hint("nothing was changed"))
}
