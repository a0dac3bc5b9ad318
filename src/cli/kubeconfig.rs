//! `infra kubeconfig`

use std::path::PathBuf;

use clap::Args;
use infra_ssl::{Kubeconfig, MergeOptions, default_kubeconfig_path, merge_file};

use super::global::Global;
use crate::session::{ExitCode, Failure, certificates_clock};

/// Merge the cluster's kubeconfig into yours, or write it somewhere.
#[derive(Debug, Args)]
pub struct KubeconfigArgs {
    /// Merge into this file instead of the first of $KUBECONFIG, or ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Print it instead. It holds the administrator's key.
    #[arg(long, conflicts_with = "into")]
    print: bool,
    /// Leave the current context as it is.
    #[arg(long)]
    keep_context: bool,
    /// Replace entries of the same name that belong to another server.
    #[arg(long)]
    overwrite: bool,
}

/// Runs the verb.
pub async fn kubeconfig(global: &Global, args: &KubeconfigArgs) -> Result<ExitCode, Failure> {
    let places = global.places().await?;
    let path = places.kubeconfig();
    let text = std::fs::read_to_string(&path).map_err(|error| {
        Failure::local(format!("there is no kubeconfig yet ({}: {error})", path.display()))
            .hint("`infra apply` makes it")
    })?;
    if let Some(warning) = certificates_clock(&global.project()?, &places) {
        eprintln!("warning: {warning}");
    }
    let damaged = |why: String| {
        Failure::local(format!("{} can't be used: {why}", path.display()))
            .hint("delete it; `infra apply` makes it again")
    };
    // What it names besides would be run by every kubectl that it is merged for.
    let own = Kubeconfig::own(&text, None).map_err(damaged)?;
    if args.print {
        exact!("{text}");
        return Ok(ExitCode::Ok);
    }
    let credentials =
        own.credentials.ok_or_else(|| damaged("it has no client certificate".to_owned()))?;
    let ca = std::fs::read_to_string(places.pki.join("ca.crt")).map_err(Failure::local)?;
    let cluster = global.project()?.cluster.name;
    let config = Kubeconfig::new(&cluster, &own.server, &ca).with_credentials(credentials);
    let into = match &args.into {
        Some(into) => into.clone(),
        None => default_kubeconfig_path().map_err(Failure::local)?,
    };
    let options = MergeOptions { set_current: !args.keep_context, overwrite: args.overwrite };
    let report = merge_file(&into, &config, options).map_err(Failure::local)?;
    if global.json {
        exactln!(
            "{}",
            serde_json::json!({"path": report.path, "changed": report.changed,
                               "current_context": report.current_context})
        );
        return Ok(ExitCode::Ok);
    }
    if report.changed {
        println!("Merged into {}.", report.path.display());
    } else {
        println!("{} has it already.", report.path.display());
    }
    if let Some(context) = report.current_context {
        println!("Current context: {context}");
    }
    Ok(ExitCode::Ok)
}
