//! Label selectors as objects hold them: `matchLabels`, `matchExpressions`, and plain maps.

use serde_json::Value;

use super::operator::meets;

/// Returns true if labels (a JSON object) fit a `LabelSelector`. An empty selector fits all; a
/// missing one (null) fits none.
pub(crate) fn matches(selector: &Value, labels: &Value) -> bool {
    let Some(parts) = selector.as_object() else { return false };
    let exact = parts.get("matchLabels").and_then(Value::as_object);
    let expressions = parts.get("matchExpressions").and_then(Value::as_array);
    exact.is_none_or(|exact| holds_all(exact, labels))
        && expressions.into_iter().flatten().all(|expression| {
            // Numbers are compared by the selectors of nodes only.
            !matches!(expression["operator"].as_str(), Some("Gt" | "Lt"))
                && meets(expression, value_of(expression, labels))
        })
}

/// Returns true if labels fit a plain map selector (Services). An empty or missing map fits none.
pub(crate) fn matches_map(selector: &Value, labels: &Value) -> bool {
    selector.as_object().is_some_and(|map| !map.is_empty() && holds_all(map, labels))
}

/// Returns true if every entry of a map is among the labels.
pub(super) fn holds_all(map: &serde_json::Map<String, Value>, labels: &Value) -> bool {
    map.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Returns the value of the label that an entry of `matchExpressions` is about.
pub(super) fn value_of<'a>(expression: &Value, labels: &'a Value) -> Option<&'a str> {
    labels.get(expression["key"].as_str().unwrap_or_default())?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn selectors_follow_the_rules_of_the_api() {
        let labels = json!({"app": "web", "tier": "2"});
        assert!(matches(&json!({}), &labels));
        assert!(matches(&json!({}), &Value::Null));
        assert!(!matches(&Value::Null, &labels));
        assert!(matches(&json!({"matchLabels": {"app": "web"}}), &labels));
        assert!(matches(&json!({"matchLabels": {"app": "web", "tier": "2"}}), &labels));
        assert!(!matches(&json!({"matchLabels": {"app": "web", "tier": "1"}}), &labels));
        assert!(!matches(&json!({"matchLabels": {"app": "db"}}), &labels));
        assert!(!matches(&json!({"matchLabels": {"app": "web"}}), &Value::Null));
    }

    #[test]
    fn expressions_have_four_operators() {
        let labels = json!({"tier": "2"});
        for (key, operator, values, fits) in [
            ("tier", "In", json!(["1", "2"]), true),
            ("tier", "In", json!(["1"]), false),
            ("gone", "In", json!(["1"]), false),
            ("tier", "NotIn", json!(["2"]), false),
            ("tier", "NotIn", json!(["1"]), true),
            ("gone", "NotIn", json!(["2"]), true),
            ("tier", "Exists", json!([]), true),
            ("gone", "Exists", json!([]), false),
            ("tier", "DoesNotExist", json!(null), false),
            ("gone", "DoesNotExist", json!(null), true),
            ("tier", "Gt", json!(["1"]), false),
            ("tier", "Lt", json!(["3"]), false),
            ("tier", "Near", json!(["2"]), false),
        ] {
            let one = json!({"key": key, "operator": operator, "values": values});
            let selector = json!({"matchExpressions": [one]});
            assert_eq!(matches(&selector, &labels), fits, "{selector}");
        }
        let both = json!({"matchLabels": {"tier": "2"}, "matchExpressions": [
            {"key": "tier", "operator": "Exists"}, {"key": "app", "operator": "Exists"}]});
        assert!(!matches(&both, &labels));
    }

    #[test]
    fn an_empty_map_selects_nothing() {
        let labels = json!({"app": "web", "tier": "2"});
        assert!(matches_map(&json!({"app": "web"}), &labels));
        assert!(!matches_map(&json!({"app": "db"}), &labels));
        assert!(!matches_map(&json!({}), &labels));
        assert!(!matches_map(&Value::Null, &labels));
    }
}
