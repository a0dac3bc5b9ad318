//! `infra state history`

use clap::Args;

use super::Global;
use crate::{
    session::{CliError, ExitCode, OpenState},
    ui::table,
};

#[derive(Debug, Args)]
pub(super) struct HistoryArgs {
    /// Print infra.toml as it was in this run.
    #[arg(long, value_name = "RUN")]
    spec: Option<u64>,
}

pub(super) async fn history(global: &Global, args: &HistoryArgs) -> Result<ExitCode, CliError> {
    let open = OpenState::open(&global.session()).await?;
    let mut all = Vec::new();
    if let Some(store) = &open.store {
        for run in store.runs().await? {
            if args.spec.is_none_or(|wanted| wanted == run)
                && let Some(history) = store.history(run).await?
            {
                all.push(history);
            }
        }
    }
    if let Some(run) = args.spec {
        let spec = all.into_iter().next().and_then(|history| history.spec);
        let spec = spec.ok_or_else(|| not_kept(run))?;
        print!("{spec}");
        return Ok(ExitCode::Ok);
    }
    if global.json {
        exactln!("{}", serde_json::to_string_pretty(&all).map_err(CliError::local)?);
        return Ok(ExitCode::Ok);
    }
    let rows = all
        .iter()
        .map(|history| {
            let [created, updated, replaced, deleted] = history.changed;
            let undone = match history.undone {
                0 => "done".to_owned(),
                undone => format!("{undone} steps not done"),
            };
            vec![
                history.run.to_string(),
                super::time(history.ended_at),
                history.verb.clone(),
                history.environment.clone().unwrap_or_else(|| "-".into()),
                history.by.to_string(),
                format!("+{created} ~{updated} ±{replaced} -{deleted}"),
                history.resources.to_string(),
                undone,
            ]
        })
        .collect();
    let headings = ["run", "ended", "verb", "environment", "by", "changed", "resources", "state"];
    print!("{}", table(&headings, rows));
    Ok(ExitCode::Ok)
}

pub(super) fn not_kept(run: u64) -> CliError {
    CliError::local(format!("nothing is kept of run {run}"))
        .hint("`infra state history` lists the runs that are")
}
