//! `infra kubeconfig`

use std::path::PathBuf;

use clap::Args;
use infra_ssl::{Kubeconfig, MergeOptions, TemporaryAdmin, default_kubeconfig_path, merge_file};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret;

use super::{global::Global, run::duration};
use crate::{
    clouds,
    config::Project,
    session::{CliError, ExitCode, certificates_clock, kube_exec},
    state::{ClusterLayout, journal::Holder},
};

/// Merge the cluster's kubeconfig into yours, or write it somewhere.
#[derive(Debug, Args)]
pub struct KubeconfigArgs {
    /// Merge into this file instead of the first of $KUBECONFIG, or ~/.kube/config.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Make a certificate that ends after so long, instead of handing out the administrator's own.
    ///
    /// From 5m to 7d. It is signed on this machine by the cluster's authority and recorded nowhere; its
    /// user, infra:<you>:<number>, is what the audit log names. It can't be taken back before its end.
    #[arg(long, value_name = "TIME", value_parser = life)]
    valid: Option<SignedDuration>,
    /// Print it instead. It holds the administrator's key.
    #[arg(long, conflicts_with = "into")]
    print: bool,
    /// Leave the current context as it is.
    #[arg(long)]
    keep_context: bool,
    /// Replace entries of the same name that belong to another server.
    #[arg(long)]
    overwrite: bool,
    /// Let kubectl get its tokens by this program, where the cloud runs the control plane.
    ///
    /// Default: `infra kube-token`, which needs nothing else on this machine. The cloud's vendor has one, too.
    #[arg(long, value_name = "PROGRAM")]
    exec: Option<String>,
}

/// Runs the verb.
pub async fn kubeconfig(global: &Global, args: &KubeconfigArgs) -> Result<ExitCode, CliError> {
    let layout = global.layout().await?;
    let path = layout.kubeconfig();
    let text = std::fs::read_to_string(&path).map_err(|error| {
        CliError::local(format!("there is no kubeconfig yet ({}: {error})", path.display()))
            .hint("`infra apply` makes it")
    })?;
    let damaged = |why: String| {
        CliError::local(format!("{} can't be used: {why}", path.display()))
            .hint("delete it; `infra apply` makes it again")
    };
    if let Some(warning) = certificates_clock(&global.project()?, &layout) {
        eprintln!("warning: {warning}");
    }
    let project = global.project()?;
    if clouds::find(&project.cluster.provider).is_some_and(|cloud| cloud.is_managed()) {
        return managed(global, args, &project, &text);
    }
    if args.exec.is_some() {
        return Err(CliError::new(
            ExitCode::Usage,
            "--exec is for a control plane that the cloud runs",
        )
        .hint("this cluster's kubeconfig holds a certificate"));
    }
    // What it names besides would be run by every kubectl that it is merged for.
    let own = Kubeconfig::own(&text, None).map_err(damaged)?;
    let temporary = args.valid.map(|life| temporary(&layout, life)).transpose()?;
    if args.print && temporary.is_none() {
        exact!("{text}");
        return Ok(ExitCode::Ok);
    }
    let credentials = match &temporary {
        Some(temporary) => temporary.credentials.clone(),
        None => {
            own.credentials.ok_or_else(|| damaged("it has no client certificate".to_owned()))?
        }
    };
    let ca = std::fs::read_to_string(layout.pki.join("ca.crt")).map_err(CliError::local)?;
    let cluster = global.project()?.cluster.name;
    let config = Kubeconfig::new(&cluster, &own.server, &ca).with_credentials(credentials);
    if args.print {
        if let Some(temporary) = &temporary {
            eprintln!("{}", ends(temporary));
        }
        exact!("{}", config.to_yaml().map_err(CliError::local)?.expose_secret());
        return Ok(ExitCode::Ok);
    }
    merge(global, args, &config, temporary.as_ref())
}

/// Merges or prints the kubeconfig of a cluster whose control plane the cloud runs; `text` is the one that
/// `infra apply` wrote.
fn managed(
    global: &Global,
    args: &KubeconfigArgs,
    project: &Project,
    text: &str,
) -> Result<ExitCode, CliError> {
    if args.valid.is_some() {
        return Err(CliError::new(ExitCode::Usage, "--valid is for clusters with certificates")
            .hint("the tokens of this cluster end after an hour by themselves"));
    }
    let own = Kubeconfig::own_without_exec(text, None).map_err(|why| {
        CliError::local(format!("the kubeconfig can't be used: {why}"))
            .hint("delete it; `infra apply` makes it again")
    })?;
    let exec = match &args.exec {
        Some(program) => kube_exec::of_vendor(program),
        None => kube_exec::of_project(project, global.sim),
    };
    let config = Kubeconfig::new(&project.cluster.name, &own.server, &own.ca_pem).with_exec(exec);
    if args.print {
        exact!("{}", config.to_yaml().map_err(CliError::local)?.expose_secret());
        return Ok(ExitCode::Ok);
    }
    merge(global, args, &config, None)
}

fn merge(
    global: &Global,
    args: &KubeconfigArgs,
    config: &Kubeconfig,
    temporary: Option<&TemporaryAdmin>,
) -> Result<ExitCode, CliError> {
    let into = match &args.into {
        Some(into) => into.clone(),
        None => default_kubeconfig_path().map_err(CliError::local)?,
    };
    let options = MergeOptions { set_current: !args.keep_context, overwrite: args.overwrite };
    let report = merge_file(&into, config, options).map_err(CliError::local)?;
    if global.json {
        exactln!(
            "{}",
            serde_json::json!({"path": report.path, "changed": report.changed,
                               "current_context": report.current_context,
                               "user": temporary.map(|one| &one.user),
                               "ends": temporary.map(|one| one.ends.to_string())})
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
    if let Some(temporary) = temporary {
        println!("{}", ends(temporary));
    }
    Ok(ExitCode::Ok)
}

/// Issues a certificate for whoever runs this.
fn temporary(layout: &ClusterLayout, life: SignedDuration) -> Result<TemporaryAdmin, CliError> {
    TemporaryAdmin::issue(&layout.pki, &Holder::this().user, life, Timestamp::now())
        .map_err(|error| CliError::local(format!("cannot make a short-lived certificate: {error}")))
}

fn ends(temporary: &TemporaryAdmin) -> String {
    let end = temporary.ends.strftime("%Y-%m-%d %H:%M:%SZ");
    format!("The certificate of {} ends at {end}.", temporary.user)
}

/// Reads the life of a short-lived certificate.
fn life(text: &str) -> Result<SignedDuration, String> {
    let life = SignedDuration::try_from(duration(text)?).map_err(|error| error.to_string())?;
    let (shortest, longest) = (TemporaryAdmin::SHORTEST, TemporaryAdmin::LONGEST);
    if life < shortest || life > longest {
        return Err(format!(
            "a short-lived certificate lasts from 5m to 7d; `{text}` is out of bounds"
        ));
    }
    Ok(life)
}
