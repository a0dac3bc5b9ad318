//! `infra apps status`

use clap::Args;

use super::target::{ClusterArgs, SuiteArgs};
use crate::{
    apps::{Health, HostCertificate, SuiteStatus, status as look},
    cli::{certs::HOST_HEADINGS, global::Global},
    session::{CliError, ExitCode},
    ui::table,
};

/// Show the status of each object of the suite, and why it is not ready
#[derive(Debug, Args)]
pub struct StatusArgs {
    #[command(flatten)]
    suite: SuiteArgs,
    #[command(flatten)]
    cluster: ClusterArgs,
}

/// Runs the verb. Not all ready is an exit code of 1.
pub async fn status(global: &Global, args: &StatusArgs) -> Result<ExitCode, CliError> {
    let chosen = args.suite.choose(global)?;
    let opened = args.cluster.open(global, &chosen, "apps status").await?;
    let suite = chosen.load(global)?;
    let seen = look(&opened.client, &suite).await?;
    if global.json {
        exactln!("{}", serde_json::to_string(&seen).map_err(CliError::local)?);
    } else {
        print!("{}", text(&seen));
    }
    Ok(if seen.is_ready() { ExitCode::Ok } else { ExitCode::Failed })
}

fn text(seen: &SuiteStatus) -> String {
    let rows = seen
        .objects
        .iter()
        .map(|one| {
            let state = match &one.health {
                None => "not there".to_owned(),
                Some(Health::Ready) if one.unreported => "ready (no status)".to_owned(),
                Some(Health::Ready) => "ready".to_owned(),
                Some(Health::Waiting(why)) => format!("waiting: {why}"),
                Some(Health::Failed(why)) => format!("failed: {why}"),
            };
            vec![one.object.to_string(), state, one.addresses.join(", ")]
        })
        .collect();
    let mut out = table(&["object", "state", "address"], rows);
    if !seen.hosts.is_empty() {
        let rows = seen.hosts.iter().map(HostCertificate::row).collect();
        out.push_str(&format!("\n{}", table(&HOST_HEADINGS, rows)));
    }
    let ready = seen.objects.iter().filter(|one| one.health == Some(Health::Ready)).count();
    out.push_str(&format!("\n{ready} of {} ready", seen.objects.len()));
    if !seen.left.is_empty() {
        out.push_str(&format!(", {} left the suite", seen.left.len()));
    }
    let applied =
        if seen.up_to_date { "applied as it is here" } else { "not applied as it is here" };
    out.push_str(&format!("; {applied}.\n"));
    out
}
