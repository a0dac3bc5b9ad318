//! `infra kube-token`: what kubectl runs to get a token for a cluster whose control plane a cloud runs.

use clap::Args;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::json;

use super::global::Global;
use crate::session::{CliError, ExitCode, kube_tokens};

/// Print a token for the API server of a cluster whose control plane the cloud runs
///
/// kubectl runs this by itself: the kubeconfig names it. It prints an ExecCredential of
/// client.authentication.k8s.io/v1, with the end of the token, so that kubectl asks again in time. It reads
/// the cloud's credentials from where the cloud's own tools keep them.
#[derive(Debug, Args)]
pub struct KubeTokenArgs {}

/// Runs the verb.
pub async fn kube_token(global: &Global, _args: &KubeTokenArgs) -> Result<ExitCode, CliError> {
    let provider = match &global.provider {
        Some(provider) => provider.clone(),
        None => global.project()?.cluster.provider,
    };
    let home = global.home(None);
    let Some(tokens) = kube_tokens(&provider, &global.session(), &home).await? else {
        return Err(CliError::new(
            ExitCode::Invalid,
            format!("there are no tokens for clusters on `{provider}`"),
        )
        .hint("their kubeconfigs hold a certificate"));
    };
    let credential = tokens.token().await?;
    let mut status = json!({"token": credential.token.expose_secret()});
    if let Some(ends) = credential.ends {
        let ends = Timestamp::try_from(ends).map_err(CliError::local)?;
        status["expirationTimestamp"] = ends.strftime("%Y-%m-%dT%H:%M:%SZ").to_string().into();
    }
    let credential = json!({
        "apiVersion": "client.authentication.k8s.io/v1",
        "kind": "ExecCredential",
        "status": status,
    });
    exactln!("{credential}");
    Ok(ExitCode::Ok)
}
