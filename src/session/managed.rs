//! Clusters whose control plane the cloud runs: where their tokens come from, and what a verb says where the cloud runs the control plane, and there
//! is nothing of what it is about.

use std::sync::Arc;

use infra_provider_api::KubeToken;

use super::{
    error::{CliError, ExitCode},
    open::{SessionOptions, cloud_env},
};
use crate::{clouds, config::Project, state::home::Home};

/// Returns where tokens for the API servers of clusters on the cloud `provider` come from; `None` where their
/// kubeconfigs hold a certificate.
///
/// # Errors
/// Returns an error if there are no credentials, or if the embedded cloud does not start.
pub async fn kube_tokens(
    provider: &str,
    options: &SessionOptions,
    home: &Home,
) -> Result<Option<Arc<dyn KubeToken>>, CliError> {
    let Some(makes) = clouds::find(provider).and_then(|cloud| cloud.kube_tokens) else {
        return Ok(None);
    };
    let env = cloud_env(options, home).await?;
    Ok(Some(makes(&env).await?))
}

/// Refuses the verb `verb`, which is about a control plane on machines of the cluster's own, where the cloud
/// runs it.
///
/// # Errors
/// Returns an error that says who runs it.
pub fn refuse_managed(project: &Project, verb: &str) -> Result<(), CliError> {
    let cloud = clouds::find(&project.cluster.provider).filter(|cloud| cloud.is_managed());
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
