//! The envelope of an error: what Google's APIs answer to a call that they refuse.

use serde_json::Value;

/// The canonical codes, with the status that each goes with.
const CODES: [(&str, u16); 16] = [
    ("CANCELLED", 499),
    ("UNKNOWN", 500),
    ("INVALID_ARGUMENT", 400),
    ("DEADLINE_EXCEEDED", 504),
    ("NOT_FOUND", 404),
    ("ALREADY_EXISTS", 409),
    ("PERMISSION_DENIED", 403),
    ("UNAUTHENTICATED", 401),
    ("RESOURCE_EXHAUSTED", 429),
    ("FAILED_PRECONDITION", 400),
    ("ABORTED", 409),
    ("OUT_OF_RANGE", 400),
    ("UNIMPLEMENTED", 501),
    ("INTERNAL", 500),
    ("UNAVAILABLE", 503),
    ("DATA_LOSS", 500),
];

/// Statuses that no canonical code goes with: which one is beside them is nowhere said.
const WITHOUT_CODE: [u16; 4] = [405, 412, 413, 502];

/// Checks the body of a refusal.
pub(super) fn check(status: u16, answer: Option<&Value>) -> Vec<String> {
    let mut said = Vec::new();
    let Some(error) = answer.and_then(|answer| answer.get("error")).filter(|e| e.is_object())
    else {
        return vec![format!("answer.error: a refusal with {status} has no such object")];
    };
    if error["code"] != status {
        said.push(format!("answer.error.code: {} is not the status {status}", error["code"]));
    }
    if !error["message"].is_string() {
        said.push("answer.error.message: a text must be there".to_owned());
    }
    match (&error["status"], error["errors"].as_array()) {
        (Value::Null, None) => {
            said.push("answer.error: there is neither `status` nor `errors`".to_owned());
        }
        (Value::Null, Some(_)) => {}
        (code, _) => said.extend(check_code(status, code)),
    }
    for (at, one) in error["errors"].as_array().into_iter().flatten().enumerate() {
        for name in ["message", "domain", "reason"] {
            if !one[name].is_string() {
                said.push(format!("answer.error.errors[{at}].{name}: a text must be there"));
            }
        }
    }
    for (at, one) in error["details"].as_array().into_iter().flatten().enumerate() {
        if !one["@type"].is_string() {
            said.push(format!("answer.error.details[{at}].@type: a text must be there"));
        }
    }
    let known = ["code", "message", "status", "errors", "details"];
    for name in error.as_object().into_iter().flatten().map(|(name, _)| name) {
        if !known.contains(&name.as_str()) {
            said.push(format!("answer.error.{name}: an error has no such field"));
        }
    }
    said
}

fn check_code(status: u16, code: &Value) -> Option<String> {
    let found = CODES.iter().find(|(name, _)| code == name);
    match found {
        None => Some(format!("answer.error.status: {code} is no code")),
        Some((_, goes_with)) if *goes_with != status && !WITHOUT_CODE.contains(&status) => {
            Some(format!("answer.error.status: {code} does not go with {status}"))
        }
        Some(_) => None,
    }
}
