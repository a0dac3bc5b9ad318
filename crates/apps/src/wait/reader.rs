//! Reading fields of objects.

use serde_json::Value;

pub(super) fn number(object: &Value, path: &str) -> i64 {
    object.pointer(path).and_then(Value::as_i64).unwrap_or(0)
}

pub(super) fn number_or(object: &Value, path: &str, default: i64) -> i64 {
    object.pointer(path).and_then(Value::as_i64).unwrap_or(default)
}

pub(super) fn text<'a>(object: &'a Value, path: &str) -> &'a str {
    object.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

/// A condition of `status.conditions`.
pub(super) struct Condition<'a> {
    pub(super) is_true: bool,
    pub(super) is_false: bool,
    pub(super) status: &'a str,
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
    /// The generation that it is about, where its controller writes that.
    generation: Option<i64>,
}

impl Condition<'_> {
    /// Gives its reason and message to stand behind a sentence: `: NoIssuer: there is no issuer`.
    pub(super) fn why(&self) -> String {
        let parts = [self.reason, self.message].into_iter().filter(|part| !part.is_empty());
        parts.map(|part| format!(": {part}")).collect()
    }
}

/// Finds a condition of the object itself.
pub(super) fn condition<'a>(object: &'a Value, name: &str) -> Option<Condition<'a>> {
    condition_of(object.get("status")?, name)
}

/// Finds a condition in the list `conditions` below `holder`.
pub(super) fn condition_of<'a>(holder: &'a Value, name: &str) -> Option<Condition<'a>> {
    let conditions = holder.get("conditions")?.as_array()?;
    let found = conditions.iter().find(|c| text(c, "/type") == name)?;
    let status = text(found, "/status");
    Some(Condition {
        is_true: status == "True",
        is_false: status == "False",
        status: if status.is_empty() { "Unknown" } else { status },
        reason: text(found, "/reason"),
        message: text(found, "/message"),
        generation: found.get("observedGeneration").and_then(Value::as_i64),
    })
}

/// Returns true if a condition is about an earlier generation of `object`.
pub(super) fn outdated(object: &Value, condition: &Condition<'_>) -> bool {
    let generation = object.pointer("/metadata/generation").and_then(Value::as_i64);
    matches!((condition.generation, generation), (Some(about), Some(now)) if about < now)
}
