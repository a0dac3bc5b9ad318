//! `infra state rollback`

use std::sync::Arc;

use clap::Args;

use super::{Global, history::not_kept};
use crate::{
    cli::{
        apply::ChangeArgs,
        confirm::confirm,
        run::{Run, plural},
    },
    engine::{Action, PlanOptions},
    session::{CliError, ExitCode, Purpose},
    state::State,
    ui::Style,
};

#[derive(Debug, Args)]
pub(super) struct RollbackArgs {
    /// Number of the run, as `infra state history` lists it
    #[arg(value_name = "RUN")]
    run: u64,
    #[command(flatten)]
    change: ChangeArgs,
}

pub(super) async fn rollback(global: &Global, args: &RollbackArgs) -> Result<ExitCode, CliError> {
    let run = Run::open(global, "state rollback").await?;
    let lock = run.lock("state rollback", args.change.lock_timeout).await?;
    let record = run.session.store.state_after(args.run).await?;
    let mut record = record.ok_or_else(|| not_kept(args.run))?;
    // What that run had begun has been seen to by later ones.
    record.intents.clear();
    let code = restore(&run, &args.change, &record, &format!("run {}", args.run)).await?;
    if run.style != Style::Json {
        eprintln!(
            "To go back to what infra.toml asked for then: infra state history --spec {} > FILE, and infra plan -f FILE",
            args.run
        );
    }
    drop(lock);
    Ok(code)
}

/// Shows what `wanted` would mean, asks, and sets the state to it.
pub(super) async fn restore(
    run: &Run,
    change: &ChangeArgs,
    wanted: &State,
    from: &str,
) -> Result<ExitCode, CliError> {
    let store = &run.session.store;
    let record = store.state();
    if !record.intents.is_empty() {
        return Err(CliError::new(
            ExitCode::State,
            format!("{} open: an earlier run was cut off", plural(record.intents.len(), "intent")),
        )
        .hint("run `infra apply` first; it looks what became of them"));
    }
    let mut next = State::clone(&record);
    let entry = wanted.restored(from);
    next.apply(&entry, jiff::Timestamp::now());
    let back: Vec<String> = next
        .resources
        .iter()
        .filter(|(address, one)| record.resources.get(address) != Some(one))
        .map(|(address, _)| address.to_string())
        .collect();
    let gone: Vec<String> = record
        .resources
        .keys()
        .filter(|address| !next.resources.contains_key(address))
        .map(ToString::to_string)
        .collect();
    let meaning = meaning(run, next.clone()).await?;
    if run.style == Style::Json {
        exactln!(
            "{}",
            serde_json::json!({"from": from, "set": back, "dropped": gone, "next_plan": meaning})
        );
    } else {
        println!("The state is set to what it was after {from}; the cloud is not touched.");
        let list = |what: &str, all: &[String]| {
            if !all.is_empty() {
                println!("  {what}: {}", all.join(", "));
            }
        };
        list("set", &back);
        list("dropped", &gone);
        println!("The cloud stays the truth. With infra.toml as it is, the next plan would be:");
        for line in &meaning {
            println!("  {line}");
        }
    }
    if back.is_empty() && gone.is_empty() {
        return Ok(ExitCode::Ok);
    }
    confirm(&change.consent(&run.session), "set the state").await?;
    store.append([entry]).await?;
    if run.style != Style::Json {
        println!("Done: {} recorded.", plural(next.resources.len(), "resource"));
    }
    Ok(ExitCode::Ok)
}

/// Describes what the next plan would be with this state.
async fn meaning(run: &Run, record: State) -> Result<Vec<String>, CliError> {
    let looked = run.observe(Purpose::Show).await?;
    let machine_kinds = vec![run.session.machines_go_with().to_owned()];
    let options = PlanOptions { machine_kinds, ..PlanOptions::default() };
    let plan = run.session.plan_with(&looked, Arc::new(record), &options)?;
    let count = |actions: &[Action]| {
        plan.real_changes().filter(|change| actions.contains(&change.action)).count()
    };
    let words = [
        (count(&[Action::Create, Action::Replace]), "to create or replace (not in the cloud)"),
        (count(&[Action::Update]), "to update"),
        (count(&[Action::Delete]), "to delete (in the cloud, not in infra.toml)"),
        (count(&[Action::Adopt]), "to adopt (in the cloud, not in this state)"),
        (count(&[Action::Forget]), "to forget (in this state, and not found)"),
    ];
    let mut lines: Vec<String> = words
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    if lines.is_empty() {
        lines.push("no changes".to_owned());
    }
    Ok(lines)
}
