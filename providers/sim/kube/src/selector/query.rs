//! Selectors as requests write them: `labelSelector` and `fieldSelector`.

use serde_json::Value;

use super::fields::FieldRequirement;
use super::operator::Operator;

/// Which objects of a kind are meant.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Selector {
    labels: Vec<Requirement>,
    fields: Vec<FieldRequirement>,
}

/// What one label has to be.
#[derive(Debug, Clone, PartialEq)]
struct Requirement {
    key: String,
    operator: Operator,
    values: Vec<String>,
}

impl Selector {
    /// Parses `labelSelector` and `fieldSelector` for a kind.
    ///
    /// # Errors
    /// Returns an error, as the API server words it, if one of them is invalid.
    pub(crate) fn parse(
        labels: Option<&str>,
        fields: Option<&str>,
        plural: &str,
        custom: bool,
    ) -> Result<Self, String> {
        let mut selector = Selector::default();
        for part in split_top(labels.unwrap_or_default()) {
            let requirement = label_requirement(part.trim())
                .ok_or_else(|| format!("unable to parse requirement: found '{part}'"))?;
            selector.labels.push(requirement);
        }
        for part in fields.unwrap_or_default().split(',').filter(|part| !part.is_empty()) {
            selector.fields.push(FieldRequirement::parse(part, plural, custom)?);
        }
        Ok(selector)
    }

    /// Selects only the object of that name (a watch of one object).
    pub(crate) fn named(mut self, name: &str) -> Self {
        self.fields.push(FieldRequirement::named(name));
        self
    }

    /// Returns true if it selects every object.
    pub(crate) fn is_empty(&self) -> bool {
        self.labels.is_empty() && self.fields.is_empty()
    }

    /// Returns true if an object is meant.
    pub(crate) fn matches(&self, object: &Value) -> bool {
        let labels = &object["metadata"]["labels"];
        self.labels.iter().all(|requirement| requirement.matches(labels))
            && self.fields.iter().all(|field| field.matches(object))
    }
}

impl Requirement {
    fn new(key: String, operator: Operator, values: Vec<String>) -> Self {
        Self { key, operator, values }
    }

    fn matches(&self, labels: &Value) -> bool {
        let value = labels.get(&self.key).and_then(Value::as_str);
        self.operator.accepts(value, self.values.iter().map(String::as_str))
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

/// Parses one requirement of a label selector.
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
            "in" => Some(Requirement::new(name, Operator::In, values)),
            "notin" => Some(Requirement::new(name, Operator::NotIn, values)),
            _ => None,
        };
    }
    if let Some((name, value)) = part.split_once("!=") {
        return Some(Requirement::new(key(name)?, Operator::NotIn, vec![value.trim().to_owned()]));
    }
    if let Some((name, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::new(key(name)?, Operator::In, vec![value.trim().to_owned()]));
    }
    for (sign, operator) in [('>', Operator::Greater), ('<', Operator::Less)] {
        if let Some((name, value)) = part.split_once(sign) {
            let number: i64 = value.trim().parse().ok()?;
            return Some(Requirement::new(key(name)?, operator, vec![number.to_string()]));
        }
    }
    match part.strip_prefix('!') {
        Some(name) => Some(Requirement::new(key(name)?, Operator::Missing, Vec::new())),
        None => Some(Requirement::new(key(part)?, Operator::Exists, Vec::new())),
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
            ("app=web,tier!=back,n in (4, 5),!gone", true),
            ("app=web,tier!=back,n in (4, 5),!app", false),
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

    #[test]
    fn what_is_no_selector_is_refused_in_the_words_of_the_api() {
        let labels = |text| Selector::parse(Some(text), None, "pods", false).unwrap_err();
        let fields = |text| Selector::parse(None, Some(text), "pods", false).unwrap_err();
        assert_eq!(labels("a b c"), "unable to parse requirement: found 'a b c'");
        assert_eq!(labels("n>many"), "unable to parse requirement: found 'n>many'");
        assert_eq!(fields("spec.color=red"), "field label not supported: spec.color");
        assert_eq!(fields("red"), "invalid selector: 'red'; can't understand 'red'");
    }
}
