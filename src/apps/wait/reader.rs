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
    pub(super) reason: &'a str,
    pub(super) message: &'a str,
}

pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<Condition<'a>> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    let found = conditions.iter().find(|c| text(c, "/type") == kind)?;
    Some(Condition {
        is_true: text(found, "/status") == "True",
        is_false: text(found, "/status") == "False",
        reason: text(found, "/reason"),
        message: text(found, "/message"),
    })
}
