//! YAML that kubectl reads as it is meant.
//!
//! Our writer follows YAML 1.2, kubectl's reader YAML 1.1, where `yes`, `on`, `0777` and `1_000` are
//! no texts: such ones are put into quotes.

use serde_json::{Map, Value};

/// Stands in a text until it is written.
const MARK: &str = "infraQuoted";

/// Writes `value` as YAML.
///
/// # Errors
/// Returns an error if it cannot be written as YAML.
pub(super) fn text(value: &Value) -> Result<String, serde_yaml_ng::Error> {
    let mut quoted = Vec::new();
    let marked = mark(value, &mut quoted);
    let mut text = serde_yaml_ng::to_string(&marked)?;
    for (number, original) in quoted.iter().enumerate() {
        text = text.replace(&format!("{MARK}{number:06}"), &format!("\"{original}\""));
    }
    Ok(text)
}

fn mark(value: &Value, quoted: &mut Vec<String>) -> Value {
    match value {
        Value::String(text) => Value::String(marked(text, quoted)),
        Value::Array(items) => items.iter().map(|item| mark(item, quoted)).collect(),
        Value::Object(fields) => {
            let entry = |(key, value): (&String, &Value)| {
                let key = marked(key, quoted);
                (key, mark(value, quoted))
            };
            Value::Object(fields.iter().map(entry).collect::<Map<_, _>>())
        }
        other => other.clone(),
    }
}

fn marked(text: &str, quoted: &mut Vec<String>) -> String {
    if !is_ambiguous(text) {
        return text.to_owned();
    }
    quoted.push(text.to_owned());
    format!("{MARK}{:06}", quoted.len() - 1)
}

/// Returns true if YAML 1.1 sees something else than a text. None of these holds a quote or a
/// backslash.
fn is_ambiguous(text: &str) -> bool {
    let word = text.to_ascii_lowercase();
    if matches!(word.as_str(), "y" | "n" | "yes" | "no" | "on" | "off") {
        return true;
    }
    let number = text.strip_prefix(['+', '-']).unwrap_or(text);
    let is_numeric =
        |c: char| c.is_ascii_hexdigit() || matches!(c, '_' | '.' | ':' | 'x' | 'o' | '+' | '-');
    number.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && number.contains(|c: char| c.is_ascii_digit())
        && number.chars().all(is_numeric)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_yaml_1_1_would_take_for_something_else_is_quoted() {
        let value = json!({
            "args": ["yes", "On", "0777", "1_000", "12:30:45", "1e3", "plain", "1.2.3-alpine"],
            "n": "true", "number": 7, "size": "1Gi",
        });
        let written = text(&value).unwrap();
        for quoted in ["\"yes\"", "\"On\"", "\"0777\"", "\"1_000\"", "\"12:30:45\"", "\"n\":"] {
            assert!(written.contains(quoted), "{quoted} in {written}");
        }
        assert!(written.contains("- plain\n") && written.contains("number: 7\n"), "{written}");
        assert_eq!(serde_yaml_ng::from_str::<Value>(&written).unwrap(), value);
    }
}
