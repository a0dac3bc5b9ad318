//! `infra certs`

use clap::Args;
use infra_ssl::{PkiSpec, Verdict, clock_warning};
use jiff::Timestamp;
use serde_json::json;

use super::global::Global;
use crate::{
    session::{ExitCode, Failure, validity},
    ui::table,
};

/// List the cluster's certificates with the days they have left.
#[derive(Debug, Args)]
pub struct CertsArgs {}

/// Runs the verb.
pub async fn certs(global: &Global, _args: &CertsArgs) -> Result<ExitCode, Failure> {
    let project = global.project()?;
    let places = global.places().await?;
    if !places.pki.exists() {
        return Err(Failure::local(format!(
            "there are no certificates yet: {} does not exist",
            places.pki.display()
        ))
        .hint("`infra apply` makes them"));
    }
    let spec = PkiSpec::new(&project.cluster.name).with_validity(validity(&project));
    let now = Timestamp::now();
    let all = infra_ssl::status(&places.pki, &spec, now).map_err(Failure::local)?;
    if global.json {
        let all: Vec<_> = all
            .iter()
            .map(|one| {
                json!({"name": one.name, "subject": one.subject, "issuer": one.issuer,
                       "not_before": one.not_before.map(|at| at.to_string()),
                       "not_after": one.not_after.map(|at| at.to_string()),
                       "days_left": one.days_left, "verdict": one.verdict.to_string(),
                       "path": one.path})
            })
            .collect();
        exactln!("{}", serde_json::to_string_pretty(&all).map_err(Failure::local)?);
        return Ok(ExitCode::Ok);
    }
    let warning = clock_warning(&all, now);
    let rows = all
        .into_iter()
        .map(|one| {
            let dash = || "-".to_owned();
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
        .collect();
    print!("{}", table(&["name", "subject", "ends", "days left", "state"], rows));
    if let Some(warning) = warning {
        eprintln!("warning: {warning}");
    }
    Ok(ExitCode::Ok)
}
