//! Printing plans and progress of the verbs.

use crate::{
    apps::{Action, AppsEvent, AppsPlan, Events, Force, Outcome},
    cli::global::Global,
    session::{ExitCode, Failure},
    ui::{AppsPlanView, AppsReporter, apps_plan_text},
};

/// Prints a plan: text, or JSON.
pub(super) fn print_plan(global: &Global, plan: &AppsPlan, verbose: bool) -> Result<(), Failure> {
    if global.json {
        let text = serde_json::to_string(&plan_json(plan)?).map_err(Failure::local)?;
        exactln!("{text}");
    } else {
        print!("{}", apps_plan_text(plan, AppsPlanView { verbose }));
    }
    Ok(())
}

fn plan_json(plan: &AppsPlan) -> Result<serde_json::Value, Failure> {
    let mut value = serde_json::to_value(plan).map_err(Failure::local)?;
    value["counts"] = serde_json::to_value(plan.counts()).map_err(Failure::local)?;
    Ok(value)
}

/// Returns the failure of a plan that an apply would stop at. It lists what the API server refuses,
/// and the fields of others that are not taken over.
pub(super) fn refused(plan: &AppsPlan, force: &Force) -> Option<Failure> {
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
    let mut failure = Failure::new(ExitCode::Invalid, lines.join("\n"));
    failure.hints = hints;
    Some(failure)
}

/// Makes the reporter of progress: lines on standard error, or JSON lines on standard output.
pub(super) fn reporter(global: &Global) -> (AppsReporter, Events) {
    let reporter = AppsReporter::new(global.json);
    let inner = reporter.clone();
    (reporter, Events::new(move |event: AppsEvent| inner.show(&event)))
}

/// Turns an outcome into the exit code, or into a failure that counts the objects.
pub(super) fn verdict(outcome: Outcome, global: &Global) -> Result<ExitCode, Failure> {
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
            let mut failure = Failure::from(error);
            failure.code = ExitCode::Partly;
            failure.message = format!(
                "{failed} of the objects failed, {skipped} were left out\n{}",
                failure.message
            );
            Err(failure)
        }
    }
}
