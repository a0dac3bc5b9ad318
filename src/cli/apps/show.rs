//! Printing plans and progress of the verbs.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use crate::{
    apps::{Action, AppsEvent, AppsPlan, Events, Force, Outcome},
    cli::global::Global,
    session::{CliError, ExitCode},
    ui::{AppsPlanView, Reporter, Style, apps_plan_text},
};

/// Prints a plan: text, or JSON.
pub(super) fn print_plan(global: &Global, plan: &AppsPlan, verbose: bool) -> Result<(), CliError> {
    if global.json {
        let text = serde_json::to_string(&plan_json(plan)?).map_err(CliError::local)?;
        exactln!("{text}");
    } else {
        print!("{}", apps_plan_text(plan, AppsPlanView { verbose }));
    }
    Ok(())
}

fn plan_json(plan: &AppsPlan) -> Result<serde_json::Value, CliError> {
    let mut value = serde_json::to_value(plan).map_err(CliError::local)?;
    value["counts"] = serde_json::to_value(plan.counts()).map_err(CliError::local)?;
    Ok(value)
}

/// Returns the failure of a plan that an apply would stop at. It lists what the API server refuses,
/// and the fields of others that are not taken over.
pub(super) fn refused(plan: &AppsPlan, force: &Force) -> Option<CliError> {
    let mut lines = Vec::new();
    let mut hints = Vec::new();
    for change in &plan.changes {
        let mut say = |why: String| {
            hints.extend(crate::apps::advice(&change.object, &why));
            lines.push(format!("{}: {why}", change.object));
        };
        if change.action == Action::Refused {
            say(change.reason.clone().unwrap_or_default());
        }
        let theirs: Vec<String> = change
            .conflicts
            .iter()
            .filter(|conflict| !force.covers(&change.object, &conflict.field))
            .map(|conflict| format!("{} belongs to {}", conflict.field, conflict.manager))
            .collect();
        if !theirs.is_empty() {
            say(theirs.join(", "));
        }
    }
    if lines.is_empty() {
        return None;
    }
    hints.dedup();
    let mut failure = CliError::new(ExitCode::Invalid, lines.join("\n"));
    failure.hints = hints;
    Some(failure)
}

/// The progress of a verb, and the counts at its end.
pub(super) struct Shown {
    reporter: Reporter,
    json: bool,
    begun: Instant,
    end: Arc<Mutex<Option<String>>>,
}

impl Shown {
    /// Begins to show progress, and returns where to send events.
    pub(super) fn begin(global: &Global) -> (Self, Events) {
        let reporter = Reporter::start(Style::pick(global.json));
        let (inner, end) = (reporter.apps_events(), Arc::new(Mutex::new(None)));
        let last = Arc::clone(&end);
        let events = Events::new(move |event: AppsEvent| {
            if let (Some(text), Ok(mut last)) = (counts(&event), last.lock()) {
                *last = Some(text);
            }
            inner.send(event);
        });
        (Self { reporter, json: global.json, begun: Instant::now(), end }, events)
    }

    /// Shows what is left, and the counts.
    pub(super) async fn finish(self) {
        self.reporter.close().await;
        let end = self.end.lock().ok().and_then(|end| end.clone());
        if let Some(end) = end.filter(|_| !self.json) {
            println!("{end} in {:.1} s.", self.begun.elapsed().as_secs_f64());
        }
    }
}

fn counts(event: &AppsEvent) -> Option<String> {
    let AppsEvent::Finished { created, updated, unchanged, deleted, failed } = event else {
        return None;
    };
    Some(format!(
        "{created} created, {updated} updated, {unchanged} unchanged, {deleted} deleted, {failed} failed"
    ))
}

/// Turns an outcome into the exit code, or into a failure that counts the objects.
pub(super) fn exit_code(outcome: Outcome, global: &Global) -> Result<ExitCode, CliError> {
    let skipped = outcome.skipped.len();
    let stopped = outcome.stopped && outcome.failed.is_empty();
    if stopped {
        if !global.json {
            eprintln!("Stopped. Nothing is lost: run the same command again to resume.");
        }
        return Ok(ExitCode::Interrupted);
    }
    let failed = outcome.failed.len();
    match outcome.into_result() {
        Ok(_) => Ok(ExitCode::Ok),
        Err(error) => {
            let mut failure = CliError::from(error);
            failure.code = ExitCode::Partly;
            failure.message = format!(
                "{failed} of the objects failed, {skipped} were left out\n{}",
                failure.message
            );
            Err(failure)
        }
    }
}
