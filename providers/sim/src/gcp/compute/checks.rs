//! Rules that hold for every kind.

use std::sync::Arc;

use serde_json::{Value, json};

use super::kinds::{Fields, Site};
use super::links;
use crate::gcp::http::Refusal;
use crate::gcp::places;
use crate::world::{GcpResource, GcpState, State as World};

/// The longest name.
const NAME_MAX: usize = 63;
/// The longest description.
const DESCRIPTION_MAX: usize = 2048;

/// Refuses a resource at which an operation works.
///
/// # Errors
/// Returns 400 `resourceNotReady`.
pub fn ready(row: &Arc<GcpResource>) -> Result<(), Refusal> {
    match row.state {
        GcpState::Ready => Ok(()),
        _ => Err(Refusal::bad(
            "resourceNotReady",
            format!("The resource '{}' is not ready", row.path),
        )),
    }
}

/// Checks name, description and labels of what is asked for.
///
/// # Errors
/// Returns 400 `invalid` or `required`.
pub fn common(fields: &Fields) -> Result<(), Refusal> {
    let name = text(fields, "name");
    if name.is_empty() {
        return Err(Refusal::required("Required field 'resource.name' not specified"));
    }
    if !is_name(name) {
        let why = "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'";
        return Err(Refusal::field("resource.name", name, why));
    }
    let description = text(fields, "description");
    if description.len() > DESCRIPTION_MAX {
        let why = format!("Must be at most {DESCRIPTION_MAX} characters");
        return Err(Refusal::field("resource.description", description, &why));
    }
    labels(fields.get("labels"), "resource.labels")
}

/// Checks labels: at most 64, in small letters, digits, `_` and `-`.
///
/// # Errors
/// Returns 400 `invalid`.
pub fn labels(labels: Option<&Value>, field: &str) -> Result<(), Refusal> {
    let Some(labels) = labels.and_then(Value::as_object) else { return Ok(()) };
    let is_good = |text: &str| {
        text.chars().count() <= NAME_MAX
            && text
                .chars()
                .all(|c| (c.is_alphanumeric() && !c.is_uppercase()) || c == '_' || c == '-')
    };
    for (key, value) in labels {
        let value = value.as_str().unwrap_or_default();
        let is_key = is_good(key) && key.chars().next().is_some_and(char::is_lowercase);
        if !is_key {
            return Err(Refusal::field(field, key, "Label key violates format constraints."));
        }
        if !is_good(value) {
            return Err(Refusal::field(field, value, "Label value violates format constraints."));
        }
    }
    if labels.len() > 64 {
        return Err(Refusal::field(field, "", "There can be at most 64 labels."));
    }
    Ok(())
}

/// Returns true for a name as RFC 1035 has it.
pub fn is_name(name: &str) -> bool {
    name.len() <= NAME_MAX
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && !name.ends_with('-')
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Checks that the scope of a path exists.
///
/// # Errors
/// Returns 404 in the words for a region or a zone.
pub fn scope(project: &str, scope: &str) -> Result<(), Refusal> {
    let exists = match scope.split_once('/') {
        Some(("regions", region)) => places::is_region(region),
        Some(("zones", zone)) => places::is_zone(zone),
        _ => true,
    };
    if exists { Ok(()) } else { Err(Refusal::no_resource(&format!("projects/{project}/{scope}"))) }
}

/// Returns a text of a field; empty if it is absent.
pub fn text<'a>(fields: &'a Fields, name: &str) -> &'a str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Sets a field that was not given.
pub fn default(fields: &mut Fields, name: &str, value: Value) {
    fields.entry(name.to_owned()).or_insert(value);
}

/// Makes a link of a field that must be there, and returns the path.
///
/// # Errors
/// Returns 400 if it is absent, or does not name a resource that is there and ready.
pub fn reference(
    w: &World,
    site: &Site<'_>,
    fields: &mut Fields,
    name: &str,
    collection: &str,
) -> Result<String, Refusal> {
    let given = text(fields, name);
    if given.is_empty() {
        return Err(Refusal::required(format!("Required field 'resource.{name}' not specified")));
    }
    let field = format!("resource.{name}");
    let path = links::find(w, site.project, &field, given, collection)?;
    fields.insert(name.to_owned(), json!(links::link(&path)));
    Ok(path)
}

/// Makes links of a field's list.
///
/// # Errors
/// Returns 400 if one does not name a resource that is there and ready.
pub fn references(
    w: &World,
    site: &Site<'_>,
    fields: &mut Fields,
    name: &str,
    collections: &[&str],
) -> Result<(), Refusal> {
    let Some(Value::Array(list)) = fields.get_mut(name) else { return Ok(()) };
    for (i, item) in list.iter_mut().enumerate() {
        let given = item.as_str().unwrap_or_default().to_owned();
        let of = links::read(site.project, &given);
        let of = of.as_deref().and_then(|path| path.rsplit('/').nth(1)).unwrap_or_default();
        let collection = collections.iter().find(|c| **c == of).unwrap_or(&collections[0]);
        let field = format!("resource.{name}[{i}]");
        let path = links::find(w, site.project, &field, &given, collection)?;
        *item = json!(links::link(&path));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_labels() {
        for good in ["a", "infra-net-1", "a0"] {
            assert!(is_name(good), "{good}");
        }
        for bad in ["", "1a", "A", "a-", "a_b", "-a", &"a".repeat(64)] {
            assert!(!is_name(bad), "{bad}");
        }
        let good = json!({"infra-owner": "0f-1e", "a_b": ""});
        assert!(labels(Some(&good), "f").is_ok());
        for bad in [json!({"Infra": "a"}), json!({"a": "B"}), json!({"a": "x.y"}), json!({"": "a"})]
        {
            assert!(labels(Some(&bad), "f").is_err(), "{bad}");
        }
    }
}
