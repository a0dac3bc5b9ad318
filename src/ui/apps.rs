//! A suite's plan and progress as people read them.

use std::fmt::Write;

use serde_json::Value;

use crate::{
    apps::{Action, AppsEvent, AppsPlan, Change, ObjectChange, ObjectId},
    engine::diff::show,
    visible::one_line,
};

/// How much to show.
#[derive(Clone, Copy, Debug, Default)]
pub struct AppsPlanView {
    /// Also what does not change.
    pub verbose: bool,
}

/// Values are cut to this many characters.
const VALUE_MAX: usize = 72;

/// Renders the whole plan.
pub fn apps_plan_text(plan: &AppsPlan, view: AppsPlanView) -> String {
    let mut text = String::new();
    for change in &plan.changes {
        if view.verbose || change.action != Action::NoOp || !change.conflicts.is_empty() {
            change_text(change, &mut text);
        }
    }
    let counts = plan.counts();
    if plan.is_empty() && plan.changes.iter().all(|change| change.conflicts.is_empty()) {
        let _ = write!(text, "No changes. {} objects are as the manifests say", counts.no_op);
    } else {
        let _ = write!(
            text,
            "\nPlan: {} to create, {} to update, {} to delete; {} unchanged",
            counts.create, counts.update, counts.delete, counts.no_op
        );
    }
    for (count, words) in
        [(counts.replace, "to recreate"), (counts.keep, "kept"), (counts.refused, "refused")]
    {
        if count > 0 {
            let _ = write!(text, ", {count} {words}");
        }
    }
    text.push_str(".\n");
    text
}

fn change_text(change: &ObjectChange, text: &mut String) {
    let sign = match change.action {
        Action::Create => "+",
        Action::Update => "~",
        Action::Replace => "-/+",
        Action::Delete => "-",
        Action::Refused => "!",
        Action::NoOp | Action::Keep => " ",
    };
    let _ = write!(text, "{sign:>5} {}", change.object);
    match (&change.reason, change.action) {
        (Some(reason), Action::Keep) => {
            let _ = write!(text, "  (kept: {reason})");
        }
        (Some(reason), Action::Refused) => {
            let _ = write!(text, "  (refused: {reason})");
        }
        (Some(reason), _) => {
            let _ = write!(text, "  ({reason})");
        }
        (None, _) => {}
    }
    text.push('\n');
    let width = change.fields.iter().map(|field| field.path.chars().count()).max().unwrap_or(0);
    for field in &change.fields {
        let (before, after) = if field.secret {
            match (&field.before, &field.after) {
                (Some(_), Some(_)) => ("(secret)".to_owned(), "(another secret)".to_owned()),
                (before, after) => (value(before.as_ref()), value(after.as_ref())),
            }
        } else {
            (value(field.before.as_ref()), value(field.after.as_ref()))
        };
        let _ = writeln!(text, "          {:<width$}  {before} -> {after}", field.path);
    }
    for conflict in &change.conflicts {
        let _ = writeln!(
            text,
            "          {} belongs to {}; --force={}:{} takes it over",
            conflict.field, conflict.manager, change.object, conflict.field
        );
    }
}

fn value(value: Option<&Value>) -> String {
    let text = match value {
        None => return "(none)".to_owned(),
        Some(Value::String(text)) if text == "(secret)" => return text.clone(),
        Some(value) => show(value),
    };
    if text.chars().count() <= VALUE_MAX {
        return text;
    }
    let kept: String = text.chars().take(VALUE_MAX - 1).collect();
    format!("{kept}…")
}

/// Writes an object's name as `deployment.apps/web`, and its namespace.
pub(super) fn name(id: &ObjectId) -> String {
    let kind = id.kind.to_lowercase();
    let kind = if id.group.is_empty() { kind } else { format!("{kind}.{}", id.group) };
    match &id.namespace {
        Some(namespace) => format!("{kind}/{} -n {namespace}", id.name),
        None => format!("{kind}/{}", id.name),
    }
}

/// Renders an event that is worth a line, as kubectl writes it.
pub(super) fn line(event: &AppsEvent) -> Option<String> {
    Some(match event {
        AppsEvent::Applied { object, change } => {
            let word = match change {
                Change::Created => "created",
                Change::Updated => "configured",
                Change::Replaced => "replaced",
                Change::Unchanged => return None,
            };
            format!("{} {word}", name(object))
        }
        AppsEvent::Ready { object, elapsed_ms } if *elapsed_ms > 0 => {
            let seconds = *elapsed_ms as f64 / 1000.0;
            format!("{} ready after {seconds:.1} s", name(object))
        }
        AppsEvent::Waiting { object, reason } => {
            format!("{} waits: {}", name(object), one_line(reason))
        }
        AppsEvent::Failed { object, message } => format!("{} FAILED: {message}", name(object)),
        AppsEvent::Skipped { object, because } => {
            format!("{} left out: {because} failed", name(object))
        }
        AppsEvent::Deleted { object } => format!("{} deleted", name(object)),
        AppsEvent::Kept { object, reason } => format!("{} kept: {reason}", name(object)),
        AppsEvent::Retrying { message, pause_ms } => {
            format!("trying again in {:.1} s: {message}", *pause_ms as f64 / 1000.0)
        }
        _ => return None,
    })
}
