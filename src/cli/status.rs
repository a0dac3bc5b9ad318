//! `infra status`

use clap::Args;
use infra_provider_api::{Address, Observed, Readiness};
use serde_json::{Value, json};

use super::{global::Global, run::Run};
use crate::{
    cluster::BootFailure,
    engine::{Observations, Outcome},
    session::{CliError, ExitCode, Observation, Purpose, Session},
    ui::{Style, table},
};

/// Show the nodes, addresses and apps
#[derive(Debug, Args)]
pub struct StatusArgs {}

/// Runs the verb.
pub async fn status(global: &Global, _args: &StatusArgs) -> Result<ExitCode, CliError> {
    let run = Run::open(global, "status").await?;
    let looked = run.observe(Purpose::Show).await?;
    let failures = run.session.boot_failures(&looked).await.unwrap_or_else(|error| {
        // The rest is worth showing without it.
        eprintln!("warning: cannot {error}");
        Vec::new()
    });
    if run.style == Style::Json {
        let text = serde_json::to_string_pretty(&as_json(&run.session, &looked, &failures));
        exactln!("{}", text.map_err(CliError::local)?);
    } else {
        print!("{}", report(&run.session, &looked, &failures, None));
    }
    Ok(ExitCode::Ok)
}

fn text(observed: &Observations, address: &Address, field: &str) -> Option<String> {
    let value = observed.get(address)?.outputs.get(field)?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

fn readiness(readiness: &Readiness) -> String {
    match readiness {
        Readiness::Ready => "Ready".into(),
        Readiness::Pending { reason } => reason.clone(),
        Readiness::Failed { reason, help: None } => format!("Failed: {reason}"),
        Readiness::Failed { reason, help: Some(help) } => format!("Failed: {reason}; {help}"),
    }
}

struct NodeLine {
    name: String,
    role: &'static str,
    state: String,
    machine: String,
    private_ip: String,
    public_ip: String,
    version: String,
}

/// Describes the Nodes of pools whose machines the cloud makes: what is there is what there is.
fn pool_node_lines(looked: &Observation) -> Vec<NodeLine> {
    let nodes = looked.observed.iter().filter(|one| one.address.kind() == "node");
    let line = |node: &Observed| {
        let field = |name: &str| node.outputs.text(name).unwrap_or_else(|| "-".into());
        let machine = node.spec.text("machine");
        let state = match node.outputs.get("unschedulable") {
            Some(_) => format!("{}, takes no pods", readiness(&node.readiness)),
            None => readiness(&node.readiness),
        };
        NodeLine {
            name: node.id.clone(),
            role: "worker",
            state,
            machine: machine.unwrap_or_else(|| "-".into()),
            private_ip: field("private_ip"),
            public_ip: field("public_ip"),
            version: field("kubelet_version"),
        }
    };
    nodes.map(line).collect()
}

fn node_lines(session: &Session, looked: &Observation, failures: &[BootFailure]) -> Vec<NodeLine> {
    if looked.own.is_none() {
        return pool_node_lines(looked);
    }
    let mut lines = Vec::new();
    for (pool, node) in looked.cluster.nodes() {
        let name = node.name();
        let machine = Address::new(session.cloud.plane.machine_kind(), &name);
        let member = Address::new("node", &name);
        let observed = &looked.observed;
        let failed = failures.iter().find(|failed| failed.node == name);
        let state = match (observed.get(&member), observed.get(&machine)) {
            // Kubernetes takes a while to see that a machine is gone; the cloud knows.
            (Some(_), Some(machine)) if matches!(machine.readiness, Readiness::Failed { .. }) => {
                readiness(&machine.readiness)
            }
            (_, Some(machine)) if failed.is_some() && machine.readiness == Readiness::Ready => {
                format!("boot failed at {}", failed.map_or("", |failed| &failed.stage))
            }
            (Some(member), _) => readiness(&member.readiness),
            (None, Some(machine)) => match &machine.readiness {
                Readiness::Ready if observed.unreachable.contains_key("node") => {
                    "machine runs, API server not reached".into()
                }
                Readiness::Ready => "machine runs, not joined".into(),
                other => readiness(other),
            },
            (None, None) => "does not exist".into(),
        };
        let field = |field| text(observed, &machine, field).unwrap_or_else(|| "-".into());
        lines.push(NodeLine {
            role: pool.role.as_str(),
            state,
            machine: observed.get(&machine).map_or_else(|| "-".into(), |one| one.id.clone()),
            private_ip: field("private_ip"),
            public_ip: field("public_ip"),
            version: text(observed, &member, "kubelet_version").unwrap_or_else(|| "-".into()),
            name,
        });
    }
    // Machines that are on their way out: a rotation that is not at its end.
    let known: Vec<String> = lines.iter().map(|line| line.name.clone()).collect();
    let leaving = looked.observed.resources.keys().filter(|address| {
        address.kind() == session.cloud.plane.machine_kind()
            && known.iter().all(|name| name != address.name())
    });
    for machine in leaving {
        let field = |field| text(&looked.observed, machine, field).unwrap_or_else(|| "-".into());
        let member = Address::new("node", machine.name());
        lines.push(NodeLine {
            name: machine.name().to_owned(),
            role: "-",
            state: "leaving: `infra apply` continues it".into(),
            machine: looked.observed.get(machine).map_or_else(|| "-".into(), |one| one.id.clone()),
            private_ip: field("private_ip"),
            public_ip: field("public_ip"),
            version: text(&looked.observed, &member, "kubelet_version")
                .unwrap_or_else(|| "-".into()),
        });
    }
    lines
}

fn urls(session: &Session, looked: &Observation) -> Vec<String> {
    let mut urls = Vec::new();
    let Some(seed) = looked.suites.get("apps") else { return urls };
    let Ok(suite) = seed.load(&Default::default()) else { return urls };
    for object in suite.objects().iter().filter(|object| object.id.kind == "Ingress") {
        let rules = object.value.pointer("/spec/rules").and_then(Value::as_array);
        let encrypted = object.value.pointer("/spec/tls").is_some();
        for host in rules.into_iter().flatten().filter_map(|rule| rule["host"].as_str()) {
            let scheme = if encrypted { "https" } else { "http" };
            urls.push(format!("{scheme}://{host}/"));
        }
    }
    let _ = session;
    urls
}

/// Renders nodes, addresses, apps, and what to do next.
pub(super) fn report(
    session: &Session,
    looked: &Observation,
    failures: &[BootFailure],
    outcome: Option<&Outcome>,
) -> String {
    let rows = node_lines(session, looked, failures)
        .into_iter()
        .map(|line| {
            vec![
                line.name,
                line.role.to_owned(),
                line.state,
                line.version,
                line.private_ip,
                line.public_ip,
                line.machine,
            ]
        })
        .collect();
    let headings = ["node", "role", "state", "version", "private ip", "public ip", "machine"];
    let mut out = table(&headings, rows);
    out.push('\n');
    for failed in failures {
        out.push_str(&format!("Boot            {}: {}\n", failed.node, failed.reason));
        out.push_str(&format!("{:<16}{}\n", "", failed.hint));
    }
    let observed = &looked.observed;
    let api_host = &session.cloud.plane.api_host();
    if let Some(host) = text(observed, &api_host.address, &api_host.field) {
        let port = looked.cluster.api_load_balancer.port;
        let port = if port == 443 { String::new() } else { format!(":{port}") };
        out.push_str(&format!("API server      https://{host}{port}\n"));
    }
    let outlook = session.outlook(looked);
    if outlook.members > 0 {
        out.push_str(&format!("Quorum          {}\n", outlook.text()));
    }
    let ingress = Address::new("suite", "ingress");
    if let Some(ip) = text(observed, &ingress, "ingress_address") {
        out.push_str(&format!("Ingress         {ip}\n"));
    }
    for (place, url) in urls(session, looked).into_iter().enumerate() {
        out.push_str(&format!("{:<16}{url}\n", if place == 0 { "Apps" } else { "" }));
    }
    let kubeconfig = session.layout.kubeconfig();
    if kubeconfig.exists() {
        out.push_str(&format!("Kubeconfig      {}\n", kubeconfig.display()));
    }
    if let Some(warning) = session.clock_warning() {
        out.push_str(&format!("Certificates    {warning}\n"));
    }
    if let Some(error) = observed.unreachable.values().next() {
        out.push_str(&format!("API server not reached: {error}\n"));
    }
    if outcome.is_some() && kubeconfig.exists() {
        let mut flags = String::new();
        if session.sim {
            flags.push_str(" --sim");
        }
        let file = &session.project.file;
        if file.as_os_str() != "infra.toml" {
            flags.push_str(&format!(" -f {}", file.display()));
        }
        out.push_str("\nNext:\n");
        out.push_str(&format!("  kubectl --kubeconfig {} get pods -A\n", kubeconfig.display()));
        out.push_str(&format!(
            "  infra kubeconfig{flags}             # merge it into ~/.kube/config\n"
        ));
        let node = match looked.own {
            Some(_) => "worker-1",
            None => "NODE    ",
        };
        out.push_str(&format!(
            "  infra rotate-node {node}{flags}   # replace a node while the apps run\n"
        ));
        out.push_str(&format!("  infra destroy{flags}                # delete all of it again\n"));
    }
    out
}

fn as_json(session: &Session, looked: &Observation, failures: &[BootFailure]) -> Value {
    let nodes: Vec<Value> = node_lines(session, looked, failures)
        .into_iter()
        .map(|line| {
            let failed = failures.iter().find(|failed| failed.node == line.name);
            json!({"boot_failure": failed,
                   "name": line.name, "role": line.role, "state": line.state,
                   "version": line.version, "private_ip": line.private_ip,
                   "public_ip": line.public_ip, "machine": line.machine})
        })
        .collect();
    let observed = &looked.observed;
    let api_host = &session.cloud.plane.api_host();
    json!({
        "cluster": looked.cluster.name,
        "environment": looked.cluster.environment,
        "provider": looked.cluster.provider,
        "uuid": session.owner.uuid,
        "nodes": nodes,
        "api_address": text(observed, &api_host.address, &api_host.field),
        "ingress_address": text(observed, &Address::new("suite", "ingress"), "ingress_address"),
        "urls": urls(session, looked),
        "kubeconfig": session.layout.kubeconfig(),
        "clock_warning": session.clock_warning(),
        "quorum": session.outlook(looked),
        "resources": observed.iter().count(),
    })
}
