//! `infra open`

use clap::Args;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::{apps::ClusterArgs, global::Global, run::listen};
use crate::{
    apps::{Forward, ForwardTo},
    config::OpenConfig,
    session::{CliError, ExitCode},
};

/// Forward a port of this machine to one of the cluster's web pages, until Ctrl-C.
///
/// The pages are those of [apps.open] in infra.toml: a name, its Service and port. Nothing in the
/// cluster is changed, and nobody but this machine can use the port.
#[derive(Debug, Args)]
pub struct OpenArgs {
    /// The page: grafana. Without one, all are listed.
    name: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The port on this machine. Default: any that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,
}

/// Runs the verb.
pub async fn open(global: &Global, args: &OpenArgs) -> Result<ExitCode, CliError> {
    let project = global.apps_project()?;
    let pages = &project.apps.open;
    let Some(name) = &args.name else {
        list(global, pages.iter());
        return Ok(ExitCode::Ok);
    };
    let Some(page) = pages.get(name) else {
        let known: Vec<&str> = pages.keys().map(String::as_str).collect();
        let hint = if known.is_empty() {
            "name one in [apps.open] of infra.toml".to_owned()
        } else {
            format!("there are: {}", known.join(", "))
        };
        return Err(CliError::new(ExitCode::Invalid, format!("there is no page {name}")).hint(hint));
    };
    let own = Some(project.cluster.name.as_str());
    let connected = args.cluster.connect(global, own).await?;
    let (client, at) = (&connected.client, &connected.at);
    let environment = project.cluster.environment.as_deref();
    let to = ForwardTo {
        namespace: page.namespace.clone(),
        service: page.service.clone(),
        port: page.port,
    };
    let forward = Forward::listen(client, to, args.port).await?;
    let url = format!("http://{}{}", forward.local(), page.path);
    let (pod, port) = forward.first();
    if global.json {
        exactln!(
            "{}",
            json!({
                "name": name, "url": url, "cluster": connected.cluster(own), "environment": environment,
                "context": at.context, "server": client.server(),
                "namespace": page.namespace, "service": page.service, "pod": pod, "port": port,
            })
        );
    } else {
        eprintln!("{}", connected.line("open", own, environment, None));
        println!("{name}: {url}");
        eprintln!(
            "leads to Service {}/{}, now pod {pod}, port {port}; Ctrl-C ends it",
            page.namespace, page.service
        );
    }
    let stop = CancellationToken::new();
    listen(stop.clone(), CancellationToken::new());
    forward.run(stop, |message| eprintln!("warning: {message}")).await?;
    Ok(ExitCode::Ok)
}

fn list<'a>(global: &Global, pages: impl Iterator<Item = (&'a String, &'a OpenConfig)>) {
    if global.json {
        let all: Vec<_> = pages
            .map(|(name, page)| {
                json!({
                    "name": name, "namespace": page.namespace, "service": page.service,
                    "port": page.port, "path": page.path,
                })
            })
            .collect();
        exactln!("{}", json!(all));
        return;
    }
    for (name, page) in pages {
        println!("{name}  {}/{}", page.namespace, page.service);
    }
}
