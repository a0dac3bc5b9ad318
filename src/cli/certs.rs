//! `infra certs`

use std::{path::Path, time::Duration};

use clap::Args;
use infra_ssl::{DAY_SECONDS, PkiSpec, Verdict, clock_warning};
use jiff::Timestamp;
use k8s_openapi::api::core::v1::Node;
use kube::{Api, api::ListParams};
use serde_json::json;

use super::global::Global;
use crate::{
    apps::{HostCertificate, KubeClient, all_host_certificates, explain},
    cluster::{ApiServers, KubeletServing},
    session::{CliError, ExitCode, OpenState, refuse_managed, validity},
    ui::table,
};

/// How long the cluster may take to answer: the files are shown in any case.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// The headings of [`HostCertificate::row`].
pub(super) const HOST_HEADINGS: [&str; 5] = ["host", "issuer", "ends", "days left", "state"];

/// List the cluster's certificates, and those of its kubelets and hosts, with the days they have left.
///
/// Kubelets ask for their certificates themselves, and `infra apply` approves them. The hosts are those
/// of Ingresses with TLS in the cluster, with who issued each certificate.
#[derive(Debug, Args)]
pub struct CertsArgs {}

/// Runs the verb.
pub async fn certs(global: &Global, _args: &CertsArgs) -> Result<ExitCode, CliError> {
    let project = global.project()?;
    refuse_managed(&project, "certs")?;
    let open = OpenState::open(&global.session()).await?;
    open.refresh().await?;
    let is_made = open
        .store
        .as_ref()
        .is_some_and(|store| store.state().resources.contains_key(&ApiServers::address()));
    let layout = open.layout;
    if !layout.pki.exists() {
        return Err(CliError::local(format!(
            "there are no certificates yet: {} does not exist",
            layout.pki.display()
        ))
        .hint("`infra apply` makes them"));
    }
    let spec = PkiSpec::new(&project.cluster.name)
        .with_validity(validity(&project))
        .with_site(infra_ssl::has_site_authority(&layout.pki));
    let now = Timestamp::now();
    let all = infra_ssl::status(&layout.pki, &spec, now)?;
    // A cluster that is not there yet has neither hosts nor kubelets, and would only be waited for.
    let (hosts, kubelets) = match is_made {
        true => in_cluster(&layout.kubeconfig()).await,
        false => Ok(Default::default()),
    }
    .unwrap_or_else(|why| {
        eprintln!("warning: cannot list the certificates of hosts and kubelets: {why}");
        Default::default()
    });
    if global.json {
        let of_hosts = hosts.iter().map(|one| {
            json!({"name": one.host, "host": one.host, "secret": one.secret, "issuer": one.issuer,
                   "not_before": one.not_before.map(|at| at.to_string()),
                   "not_after": one.not_after.map(|at| at.to_string()),
                   "days_left": one.days_left, "verdict": one.state})
        });
        let of_kubelets = kubelets.iter().map(|(node, serving)| {
            let days = days_left(serving, now);
            json!({"name": format!("kubelet/{node}"), "subject": subject(node),
                   "not_after": serving.not_after.map(|at| at.to_string()), "days_left": days,
                   "verdict": verdict(serving, now)})
        });
        let all: Vec<_> = all
            .iter()
            .map(|one| {
                json!({"name": one.name, "subject": one.subject, "issuer": one.issuer,
                       "not_before": one.not_before.map(|at| at.to_string()),
                       "not_after": one.not_after.map(|at| at.to_string()),
                       "days_left": one.days_left, "verdict": one.verdict.to_string(),
                       "path": one.path})
            })
            .chain(of_kubelets)
            .chain(of_hosts)
            .collect();
        exactln!("{}", serde_json::to_string_pretty(&all).map_err(CliError::local)?);
        return Ok(ExitCode::Ok);
    }
    let warning = clock_warning(&all, now);
    let dash = || "-".to_owned();
    let of_kubelets = kubelets.iter().map(|(node, serving)| {
        vec![
            format!("kubelet/{node}"),
            subject(node),
            serving.not_after.map_or_else(dash, |at| at.strftime("%Y-%m-%d").to_string()),
            days_left(serving, now).map_or_else(dash, |days| days.to_string()),
            verdict(serving, now).to_owned(),
        ]
    });
    let rows = all
        .into_iter()
        .map(|one| {
            vec![
                one.name,
                one.subject,
                one.not_after.map_or_else(dash, |at| at.strftime("%Y-%m-%d").to_string()),
                one.days_left.map_or_else(dash, |days| days.to_string()),
                match (one.verdict, one.not_before) {
                    (Verdict::NotYetValid, Some(begin)) => {
                        format!("{}: begins {}", one.verdict, begin.strftime("%Y-%m-%d %H:%M:%SZ"))
                    }
                    (verdict, _) => verdict.to_string(),
                },
            ]
        })
        .chain(of_kubelets)
        .collect();
    print!("{}", table(&["name", "subject", "ends", "days left", "state"], rows));
    if !hosts.is_empty() {
        let rows = hosts.iter().map(HostCertificate::row).collect();
        print!("\n{}", table(&HOST_HEADINGS, rows));
    }
    if let Some(warning) = warning {
        eprintln!("warning: {warning}");
    }
    Ok(ExitCode::Ok)
}

/// Certificates of hosts, and those of kubelets by node.
type InCluster = (Vec<HostCertificate>, Vec<(String, KubeletServing)>);

/// Reads the certificates of the cluster's hosts and kubelets.
async fn in_cluster(kubeconfig: &Path) -> Result<InCluster, String> {
    let read = async {
        let (client, _) =
            KubeClient::from_own(kubeconfig, None).await.map_err(|e| e.to_string())?;
        let hosts = all_host_certificates(&client).await.map_err(|error| error.to_string())?;
        let nodes = Api::<Node>::all(client.raw().clone()).list(&ListParams::default()).await;
        let nodes = nodes.map_err(|error| explain(&error))?;
        let noted = nodes
            .items
            .iter()
            .filter_map(|node| Some((node.metadata.name.clone()?, KubeletServing::noted(node)?)));
        Ok((hosts, noted.collect()))
    };
    match tokio::time::timeout(ANSWER_MAX, read).await {
        Ok(read) => read,
        Err(_) => Err(format!("no answer within {} s", ANSWER_MAX.as_secs())),
    }
}

fn subject(node: &str) -> String {
    format!("O=system:nodes, CN=system:node:{node}")
}

fn days_left(serving: &KubeletServing, now: Timestamp) -> Option<i64> {
    serving.not_after.map(|at| at.duration_since(now).as_secs().div_euclid(DAY_SECONDS))
}

fn verdict(serving: &KubeletServing, now: Timestamp) -> &'static str {
    match serving.not_after {
        Some(at) if at <= now => "expired",
        Some(_) => "valid",
        None => "in use; its end is not known",
    }
}
