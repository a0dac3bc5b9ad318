//! A plan as people read it.

use std::fmt::Write;

use infra_provider_api::OnChange;
use serde_json::Value;

use crate::engine::{Action, After, Change, FieldChange, Plan, diff::show};

/// How much to show.
#[derive(Clone, Copy, Debug, Default)]
pub struct PlanView {
    /// Every field of what is created.
    pub verbose: bool,
}

/// Values are cut to this many characters.
const VALUE_MAX: usize = 72;

fn cut(text: String) -> String {
    if text.chars().count() <= VALUE_MAX {
        return text;
    }
    let kept: String = text.chars().take(VALUE_MAX - 1).collect();
    format!("{kept}…")
}

fn after(change: &FieldChange) -> String {
    match &change.after {
        After::Known(value) => cut(show(value)),
        After::Unknown(_) => "(known after apply)".into(),
        After::Secret => "(sensitive)".into(),
        After::Absent => "(none)".into(),
    }
}

/// Renders the counts of a plan on one line.
pub fn summary(plan: &Plan) -> String {
    let counts = plan.counts();
    let count = |action| counts.get(&action).copied().unwrap_or(0);
    let mut text = format!(
        "Plan: {} to create, {} to update, {} to replace, {} to delete",
        count(Action::Create),
        count(Action::Update),
        count(Action::Replace),
        count(Action::Delete)
    );
    for (action, words) in [
        (Action::Adopt, "to adopt"),
        (Action::Resume, "to wait for"),
        (Action::Forget, "to forget"),
    ] {
        if count(action) > 0 {
            let _ = write!(text, ", {} {words}", count(action));
        }
    }
    let _ = write!(text, "; {} unchanged.", count(Action::NoOp));
    text
}

/// Renders the whole plan.
pub fn plan_text(plan: &Plan, view: PlanView) -> String {
    let mut text = String::new();
    for change in plan.real_changes() {
        change_text(change, view, &mut text);
    }
    for note in &plan.notes {
        let _ = writeln!(text, "  note: {note}");
    }
    if plan.is_empty() && plan.options.destroy && plan.kept.is_empty() {
        let _ = writeln!(text, "Nothing to delete: {} does not exist.", plan.owner.cluster);
    } else if plan.is_empty() && plan.options.destroy {
        let _ = writeln!(
            text,
            "Nothing else to delete: the rest of {} does not exist.",
            plan.owner.cluster
        );
    } else if plan.is_empty() && plan.waiting > 0 {
        let differ = if plan.waiting == 1 {
            "resource differs, and waits"
        } else {
            "resources differ, and wait"
        };
        let _ = writeln!(text, "No changes now. {} {differ} for a rotation.", plan.waiting);
    } else if plan.is_empty() {
        let _ = writeln!(text, "No changes. What exists is what infra.toml asks for.");
    } else {
        let _ = writeln!(text, "\n{}", summary(plan));
    }
    if let Some(quorum) = &plan.quorum {
        let _ = writeln!(text, "Quorum: {}.", quorum.text());
    }
    text
}

fn change_text(change: &Change, view: PlanView, text: &mut String) {
    let _ = write!(text, "{:>5} {}", change.action.sign(), change.address);
    if let Some(reason) = &change.reason {
        let _ = write!(text, "  ({reason})");
    }
    if change.action == Action::Create && !view.verbose {
        let gist = gist(change);
        if !gist.is_empty() {
            let _ = write!(text, "  {gist}");
        }
    }
    text.push('\n');
    let fields_shown = match change.action {
        Action::Create => view.verbose,
        Action::Update | Action::Replace => true,
        _ => false,
    };
    if fields_shown {
        let width = change.fields.iter().map(|field| field.path.chars().count()).max().unwrap_or(0);
        for field in &change.fields {
            field_text(field, change.action, width, text);
        }
    }
    for warning in change.warning.iter().flat_map(|warning| warning.lines()) {
        let _ = writeln!(text, "        warning: {warning}");
    }
}

fn field_text(field: &FieldChange, action: Action, width: usize, text: &mut String) {
    let _ = write!(text, "          {:<width$}  ", field.path);
    if action == Action::Create {
        let _ = write!(text, "{}", after(field));
    } else {
        let before = match &field.before {
            Some(_) if field.is_sensitive() => "(sensitive)".into(),
            Some(value) => cut(show(value)),
            None => "(none)".into(),
        };
        let _ = write!(text, "{before} -> {}", after(field));
    }
    match field.effect {
        OnChange::Replace if action != Action::Create => text.push_str("  # forces replacement"),
        OnChange::Rotate => text.push_str("  # taken up by rotate-node"),
        _ => {}
    }
    text.push('\n');
}

/// Renders the few fields that distinguish one resource from the next: short texts and numbers.
fn gist(change: &Change) -> String {
    let Some(declared) = &change.declared else { return String::new() };
    let mut parts = Vec::new();
    for (name, value) in declared.spec.fields() {
        let worth = match &value {
            Value::String(value) => !value.is_empty() && value.len() <= 40,
            Value::Number(_) => true,
            _ => false,
        };
        if worth && parts.len() < 4 {
            parts.push(format!("{name} {}", show(&value)));
        }
    }
    parts.join(", ")
}
