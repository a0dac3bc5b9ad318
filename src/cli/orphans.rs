//! `infra orphans`

use clap::Args;
use infra_provider_api::ManagedBy;
use serde_json::json;

use super::{global::Global, run::Run};
use crate::{
    session::{CliError, ExitCode, Purpose},
    ui::table,
};

/// List cloud resources that carry the cluster's ownership tag but are neither declared nor created
/// by Kubernetes
///
/// `infra apply` deletes them.
#[derive(Debug, Args)]
pub struct OrphansArgs {}

/// Runs the verb.
pub async fn orphans(global: &Global, _args: &OrphansArgs) -> Result<ExitCode, CliError> {
    let run = Run::open(global, "orphans").await?;
    let looked = run.observe(Purpose::Orphans).await?;
    let declared: std::collections::BTreeSet<_> =
        looked.declared.iter().map(|declared| &declared.address).collect();
    let found: Vec<_> = looked
        .observed
        .iter()
        .filter(|one| !declared.contains(&one.address))
        .filter(|one| one.made_by == ManagedBy::Infra)
        .collect();
    if global.json {
        let all: Vec<_> =
            found.iter().map(|one| json!({"address": one.address, "id": one.id})).collect();
        exactln!("{}", serde_json::to_string_pretty(&all).map_err(CliError::local)?);
    } else if found.is_empty() {
        println!("No orphans.");
    } else {
        let rows = found.iter().map(|one| vec![one.address.to_string(), one.id.clone()]).collect();
        print!("{}", table(&["address", "id"], rows));
    }
    Ok(ExitCode::Ok)
}
