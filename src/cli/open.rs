//! `infra open`

use std::{
    io::{BufRead, BufReader},
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use clap::Args;

use super::{apps::ClusterArgs, global::Global};
use crate::{
    apps::{DynamicService, KubeClient},
    session::{ExitCode, Failure},
    spec::OpenPlan,
};

/// Forward a port of this machine to one of the cluster's web pages, until Ctrl-C.
///
/// The pages are those of [apps.open] in infra.toml: a name, its Service and port. Forwarding is done
/// by kubectl, which must be there.
#[derive(Debug, Args)]
pub struct OpenArgs {
    /// The page: grafana. Without one, all are listed.
    name: Option<String>,
    #[command(flatten)]
    cluster: ClusterArgs,
    /// The port on this machine. Default: any that is free.
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// The kubectl to use.
    #[arg(long, value_name = "FILE", default_value = "kubectl")]
    kubectl: PathBuf,
}

/// Runs the verb.
pub async fn open(global: &Global, args: &OpenArgs) -> Result<ExitCode, Failure> {
    let project = global.apps_project()?;
    let pages = &project.apps.open;
    let Some(name) = &args.name else {
        for (name, page) in pages {
            println!("{name}  {}/{}", page.namespace, page.service);
        }
        return Ok(ExitCode::Ok);
    };
    let Some(page) = pages.get(name) else {
        let known: Vec<&str> = pages.keys().map(String::as_str).collect();
        let hint = if known.is_empty() {
            "name one in [apps.open] of infra.toml".to_owned()
        } else {
            format!("there are: {}", known.join(", "))
        };
        return Err(Failure::new(ExitCode::Invalid, format!("there is no page {name}")).hint(hint));
    };
    let (client, at, kubeconfig) =
        args.cluster.connect(global, Some(project.cluster.name.as_str())).await?;
    let port = port_of(&client, page).await?;
    let mut command = Command::new(&args.kubectl);
    if let Some(path) = &kubeconfig {
        command.arg("--kubeconfig").arg(path);
    }
    command.args(["--context", &at.context, "-n", &page.namespace, "port-forward"]);
    command.arg(format!("service/{}", page.service));
    command.arg(format!("{}:{port}", args.port.map(|port| port.to_string()).unwrap_or_default()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    let child = command.spawn().map_err(|error| {
        Failure::local(format!("{} cannot be run: {error}", args.kubectl.display()))
            .hint("install kubectl, or give --kubectl FILE")
    })?;
    let environment = project.cluster.environment.as_deref();
    let place = environment.map_or_else(String::new, |name| format!(", environment {name}"));
    let whose = format!("cluster {}{place} ({})", project.cluster.name, client.server());
    let (name, path) = (name.clone(), page.path.clone());
    let ended = tokio::task::spawn_blocking(move || follow(child, &name, &path, &whose)).await;
    ended.map_err(Failure::local)?
}

/// The Service's port, once it is known to be there.
async fn port_of(client: &KubeClient, page: &OpenPlan) -> Result<u16, Failure> {
    let service = DynamicService::get(client, &page.namespace, &page.service).await?;
    let Some(service) = service else {
        return Err(Failure::local(format!(
            "there is no Service {}/{} in this cluster",
            page.namespace, page.service
        ))
        .hint("install the suite first: `infra apps apply`"));
    };
    match page.port.or_else(|| service.first_port()) {
        Some(port) => Ok(port),
        None => Err(Failure::local(format!("the Service {} has no port", page.service))),
    }
}

/// Says where the page is as soon as kubectl listens, and waits for its end.
fn follow(mut child: Child, name: &str, path: &str, whose: &str) -> Result<ExitCode, Failure> {
    let mut told = false;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines().map_while(Result::ok) {
            // Forwarding from 127.0.0.1:40123 -> 3000
            let address =
                line.strip_prefix("Forwarding from ").and_then(|rest| rest.split(' ').next());
            if let Some(address) = address.filter(|address| !told && address.starts_with("127.")) {
                println!("{name} of {whose}: http://{address}{path}");
                println!("Ctrl-C ends it.");
                told = true;
            }
        }
    }
    let status = child.wait().map_err(Failure::local)?;
    if told && (status.success() || status.code().is_none()) {
        return Ok(ExitCode::Ok);
    }
    Err(Failure::local(format!("kubectl port-forward ended with {status}"))
        .hint("what kubectl says above is the reason"))
}
