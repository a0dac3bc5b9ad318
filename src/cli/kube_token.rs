//! `infra kube-token`: what kubectl runs to get a token for a cluster whose control plane a cloud runs.

use clap::Args;
use infra_cloud::CloudEnv;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::json;

use super::global::Global;
use crate::{
    clouds,
    session::{CliError, ExitCode, cloud_env},
};

/// Print a token for the API server of a cluster whose control plane the cloud runs
///
/// kubectl runs this by itself: the kubeconfig names it. It prints an ExecCredential of
/// client.authentication.k8s.io/v1, with the end of the token, so that kubectl asks again in time. It reads
/// the cloud's credentials from where the cloud's own tools keep them.
#[derive(Debug, Args)]
pub struct KubeTokenArgs {}

/// Runs the verb.
pub async fn kube_token(global: &Global, _args: &KubeTokenArgs) -> Result<ExitCode, CliError> {
    let (provider, env) = match (&global.provider, global.sim) {
        (Some(provider), false) => (provider.clone(), CloudEnv::default()),
        (provider, _) => {
            let project = global.project();
            let provider = match provider {
                Some(provider) => provider.clone(),
                None => project?.cluster.provider,
            };
            (provider, cloud_env(&global.session(), &global.home(None)).await?)
        }
    };
    let makes = clouds::find(&provider).and_then(|cloud| cloud.kube_tokens);
    let Some(makes) = makes else {
        return Err(CliError::new(
            ExitCode::Invalid,
            format!("there are no tokens for clusters on `{provider}`"),
        )
        .hint("their kubeconfigs hold a certificate"));
    };
    let credential = makes(&env).await?.token().await?;
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
