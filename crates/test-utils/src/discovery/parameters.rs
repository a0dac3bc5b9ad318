//! The parameters of a call: those of its path and those of its query.

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::{Map, Value};

use super::{document::Document, formats};

/// Names that all of Google's front ends take beside those in the documents.
const SYSTEM: [&str; 8] = [
    "$alt",
    "$fields",
    "$prettyPrint",
    "$quotaUser",
    "$userProject",
    "$key",
    "$callback",
    "userIp",
];

/// The encodings of an answer that a client may ask for with `$alt`.
const ALT: [&str; 3] = ["json", "json;enum-encoding=int", "json;enum-encoding=string"];

fn known<'a>(method: &'a Value, name: &str, location: &str) -> Option<&'a Value> {
    let parameter = method["parameters"].get(name)?;
    (parameter["location"] == location).then_some(parameter)
}

/// Checks the values of the path. Some templates have one variable for several segments: its pattern is
/// that of all of them.
pub(super) fn check_path(
    document: &Document,
    method: &Value,
    values: &[(String, String)],
    (template, path): (&str, &str),
) -> Vec<String> {
    let mut said = Vec::new();
    for (name, value) in values {
        if let Some(parameter) = known(method, name, "path") {
            said.extend(check_value(document, name, parameter, value));
        }
    }
    for (name, value) in long_values(template, path) {
        if let Some(parameter) = known(method, &name, "path") {
            said.extend(check_value(document, &name, parameter, &value));
        }
    }
    said
}

/// Returns the values of variables such as `{+name}`.
fn long_values(template: &str, path: &str) -> Vec<(String, String)> {
    let (mut pattern, mut names, mut rest) = ("^".to_owned(), Vec::new(), template);
    if !template.contains("{+") {
        return Vec::new();
    }
    while let Some((before, after)) = rest.split_once('{') {
        let Some((name, after)) = after.split_once('}') else { break };
        pattern.push_str(&regex::escape(before));
        pattern.push_str(if name.starts_with('+') { "(.+)" } else { "([^/]+)" });
        names.push(name.trim_start_matches('+').to_owned());
        rest = after;
    }
    pattern.push_str(&regex::escape(rest));
    pattern.push('$');
    let Some(found) = Regex::new(&pattern).ok().and_then(|regex| regex.captures(path)) else {
        return Vec::new();
    };
    let values = found.iter().skip(1).map(|one| one.map_or("", |one| one.as_str()).to_owned());
    names.into_iter().zip(values).collect()
}

/// Checks the query: all names are known, all that must be there is, and each is of its type.
pub(super) fn check_query(
    document: &Document,
    method: &Value,
    query: &[(String, String)],
) -> Vec<String> {
    let mut said = Vec::new();
    let mut seen = BTreeSet::new();
    for (name, value) in query {
        let parameter = known(method, name, "query").or_else(|| document.parameters.get(name));
        let is_first = seen.insert(name.as_str());
        match parameter {
            Some(parameter) => {
                if !is_first && parameter["repeated"] != true {
                    said.push(format!("query.{name}: it is given twice"));
                }
                // `alt` with an encoding of enums is not in the documents, and is understood.
                if name != "alt" || !ALT.contains(&value.as_str()) {
                    said.extend(check_value(document, &format!("query.{name}"), parameter, value));
                }
            }
            None if name == "$alt" && !ALT.contains(&value.as_str()) => {
                said.push(format!("query.$alt: `{value}` is no encoding"));
            }
            None if SYSTEM.contains(&name.as_str()) => {}
            None => said.push(format!("query.{name}: the method has no such parameter")),
        }
    }
    let none = Map::new();
    for (name, parameter) in method["parameters"].as_object().unwrap_or(&none) {
        let is_wanted = parameter["required"] == true && parameter["location"] == "query";
        if is_wanted && !seen.contains(name.as_str()) {
            said.push(format!("query.{name}: it must be there"));
        }
    }
    said
}

fn check_value(document: &Document, name: &str, parameter: &Value, value: &str) -> Option<String> {
    let kind = parameter["type"].as_str().unwrap_or("string");
    let format = parameter["format"].as_str().unwrap_or_default();
    // An empty text is what a client sends for a field that it has no value for.
    if kind == "string" && value.is_empty() {
        return None;
    }
    let is_right = match kind {
        // Google's own command line writes `True`.
        "boolean" => ["true", "false"].contains(&value.to_ascii_lowercase().as_str()),
        "integer" => formats::is_integer(value, format),
        "number" => value.parse::<f64>().is_ok(),
        _ => formats::is_text(value, format),
    };
    if !is_right {
        let wanted = if format.is_empty() { kind } else { format };
        return Some(format!("{name}: `{value}` is not of type {wanted}"));
    }
    for (bound, is_out) in [("minimum", f64::lt as fn(&f64, &f64) -> bool), ("maximum", f64::gt)] {
        let limit = parameter[bound].as_str().and_then(|limit| limit.parse::<f64>().ok());
        let beyond = limit.zip(value.parse::<f64>().ok()).filter(|(limit, n)| is_out(n, limit));
        if let Some((limit, _)) = beyond {
            return Some(format!("{name}: {value} is beyond the {bound} {limit}"));
        }
    }
    if let Some(names) = parameter["enum"].as_array()
        && !names.iter().any(|one| one == value)
    {
        return Some(format!("{name}: `{value}` is none of its values"));
    }
    let pattern = parameter["pattern"].as_str()?;
    let is_fit = document.fits(pattern, value);
    (!is_fit).then(|| format!("{name}: `{value}` is not of the pattern {pattern}"))
}
