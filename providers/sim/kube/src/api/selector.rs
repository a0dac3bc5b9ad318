use serde_json::Value;

use super::error::{ApiError, ApiResult};

/// Which objects of a kind are meant.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<FieldRequirement>,
}

#[derive(Debug, Clone, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
    Greater(String, i64),
    Less(String, i64),
}

#[derive(Debug, Clone, PartialEq)]
struct FieldRequirement {
    path: String,
    value: String,
    equal: bool,
}

/// Fields that can be selected by, besides name and namespace.
fn selectable(plural: &str, custom: bool, path: &str) -> bool {
    if custom {
        return true;
    }
    match plural {
        "pods" => matches!(
            path,
            "spec.nodeName"
                | "spec.restartPolicy"
                | "spec.schedulerName"
                | "spec.serviceAccountName"
                | "spec.hostNetwork"
                | "status.phase"
                | "status.podIP"
                | "status.nominatedNodeName"
        ),
        "nodes" => path == "spec.unschedulable",
        "namespaces" => path == "status.phase",
        "secrets" => path == "type",
        "replicationcontrollers" | "replicasets" => path == "status.replicas",
        "jobs" => path == "status.successful",
        "services" => matches!(path, "spec.clusterIP" | "spec.type"),
        "certificatesigningrequests" => path == "spec.signerName",
        "events" => {
            path.starts_with("involvedObject.")
                || path.starts_with("regarding.")
                || matches!(
                    path,
                    "reason" | "reportingComponent" | "reportingController" | "source" | "type"
                )
        }
        _ => false,
    }
}

impl Selector {
    /// Reads `labelSelector` and `fieldSelector` for a kind.
    pub(crate) fn parse(
        labels: Option<&str>,
        fields: Option<&str>,
        plural: &str,
        custom: bool,
    ) -> ApiResult<Self> {
        let mut selector = Selector::default();
        let labels = labels.unwrap_or_default();
        for part in split_top(labels) {
            let requirement = label_requirement(part.trim()).ok_or_else(|| {
                ApiError::bad_request(format!("unable to parse requirement: found '{part}'"))
            })?;
            selector.labels.push(requirement);
        }
        for part in fields.unwrap_or_default().split(',').filter(|part| !part.is_empty()) {
            let (path, value, equal) = if let Some((path, value)) = part.split_once("!=") {
                (path, value, false)
            } else if let Some((path, value)) =
                part.split_once("==").or_else(|| part.split_once('='))
            {
                (path, value, true)
            } else {
                return Err(ApiError::bad_request(format!(
                    "invalid selector: '{part}'; can't understand '{part}'"
                )));
            };
            let path = path.trim();
            if !matches!(path, "metadata.name" | "metadata.namespace")
                && !selectable(plural, custom, path)
            {
                return Err(ApiError::bad_request(format!("field label not supported: {path}")));
            }
            selector.fields.push(FieldRequirement {
                path: path.into(),
                value: value.into(),
                equal,
            });
        }
        Ok(selector)
    }

    /// Only the object of that name (a watch of one object).
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.fields.push(FieldRequirement {
            path: "metadata.name".into(),
            value: name.into(),
            equal: true,
        });
        self
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|requirement| requirement.matches(labels))
            && self.fields.iter().all(|field| field.matches(object))
    }
}

/// Whether a `LabelSelector` of an object's spec matches these labels. An empty one matches all.
pub(crate) fn label_selector_matches(selector: &Value, labels: &Value) -> bool {
    let exact = selector["matchLabels"].as_object().into_iter().flatten();
    if !exact.into_iter().all(|(key, value)| labels.get(key) == Some(value)) {
        return false;
    }
    selector["matchExpressions"].as_array().into_iter().flatten().all(|expression| {
        let key = expression["key"].as_str().unwrap_or_default().to_owned();
        let values = || {
            expression["values"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect()
        };
        match expression["operator"].as_str() {
            Some("In") => Requirement::In(key, values()).matches(labels),
            Some("NotIn") => Requirement::NotIn(key, values()).matches(labels),
            Some("Exists") => Requirement::Exists(key).matches(labels),
            Some("DoesNotExist") => Requirement::Missing(key).matches(labels),
            _ => false,
        }
    })
}

impl Requirement {
    fn matches(&self, labels: &Value) -> bool {
        let get = |key: &str| labels.get(key).and_then(Value::as_str);
        match self {
            Requirement::In(key, values) => get(key).is_some_and(|v| values.iter().any(|w| w == v)),
            Requirement::NotIn(key, values) => {
                get(key).is_none_or(|v| values.iter().all(|w| w != v))
            }
            Requirement::Exists(key) => get(key).is_some(),
            Requirement::Missing(key) => get(key).is_none(),
            Requirement::Greater(key, than) => {
                get(key).and_then(|v| v.parse::<i64>().ok()).is_some_and(|v| v > *than)
            }
            Requirement::Less(key, than) => {
                get(key).and_then(|v| v.parse::<i64>().ok()).is_some_and(|v| v < *than)
            }
        }
    }
}

impl FieldRequirement {
    fn matches(&self, object: &Value) -> bool {
        let path = match self.path.as_str() {
            "spec.unschedulable" => {
                let set = object["spec"]["unschedulable"].as_bool().unwrap_or(false);
                return (self.value == set.to_string()) == self.equal;
            }
            // Asked of events.k8s.io, kept as core events.
            path => path.replacen("regarding.", "involvedObject.", 1),
        };
        let mut value = object;
        for part in path.split('.') {
            value = &value[part];
        }
        let text = match value {
            Value::String(text) => text.clone(),
            Value::Null => String::new(),
            other => other.to_string(),
        };
        (text == self.value) == self.equal
    }
}

/// Splits at commas outside parentheses.
fn split_top(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut start) = (0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !text[start..].trim().is_empty() {
        parts.push(&text[start..]);
    }
    parts
}

fn label_requirement(part: &str) -> Option<Requirement> {
    let key = |text: &str| {
        let text = text.trim();
        let sound = !text.is_empty()
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/'));
        sound.then(|| text.to_owned())
    };
    if let Some(open) = part.find('(') {
        let values = part[open + 1..].strip_suffix(')')?;
        let values: Vec<String> = values.split(',').map(|v| v.trim().to_owned()).collect();
        let mut words = part[..open].split_whitespace();
        let (name, operator) = (key(words.next()?)?, words.next()?);
        return match operator {
            "in" => Some(Requirement::In(name, values)),
            "notin" => Some(Requirement::NotIn(name, values)),
            _ => None,
        };
    }
    if let Some((name, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(key(name)?, vec![value.trim().to_owned()]));
    }
    if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(key(name)?, vec![value.trim().to_owned()]));
    }
    if let Some((name, value)) = part.split_once('>') {
        return Some(Requirement::Greater(key(name)?, value.trim().parse().ok()?));
    }
    if let Some((name, value)) = part.split_once('<') {
        return Some(Requirement::Less(key(name)?, value.trim().parse().ok()?));
    }
    match part.strip_prefix('!') {
        Some(name) => Some(Requirement::Missing(key(name)?)),
        None => Some(Requirement::Exists(key(part)?)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn labels_are_selected_by_equality_and_by_sets() {
        let object =
            json!({"metadata": {"name": "x", "labels": {"app": "web", "tier": "front", "n": "5"}}});
        for (selector, matches) in [
            ("app=web", true),
            ("app==db", false),
            ("app!=db", true),
            ("app in (web, db),tier", true),
            ("app notin (web)", false),
            ("!gone", true),
            ("gone", false),
            ("n>4", true),
            ("n<5", false),
            ("app=web,tier=back", false),
            ("", true),
        ] {
            let parsed = Selector::parse(Some(selector), None, "pods", false).unwrap();
            assert_eq!(parsed.matches(&object), matches, "{selector}");
        }
        assert!(Selector::parse(Some("a b c"), None, "pods", false).is_err());
        assert!(Selector::parse(None, Some("spec.color=red"), "pods", false).is_err());
        assert!(
            Selector::parse(None, Some("metadata.name=x"), "pods", false).unwrap().matches(&object)
        );
        assert!(
            Selector::parse(None, Some("metadata.name!=x"), "pods", false)
                .unwrap()
                .matches(&json!({"metadata":{"name":"y"}}))
        );
    }
}
