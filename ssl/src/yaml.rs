//! YAML that every reader takes the same way.
//!
//! Kubernetes' tools read YAML 1.1, where a bare `yes`, `on`, `012` or `1:30` is no string; writers
//! of YAML 1.2 leave those bare. This one quotes every string that is not plainly a word.

use serde_yaml_ng::Value;

/// Writes a document. Reading it back gives the same value, under YAML 1.1 and 1.2.
///
/// # Errors
/// Returns an error if a value has no YAML form (a tag on a key).
pub fn to_text(value: &Value) -> Result<String, serde_yaml_ng::Error> {
    if has_tag(value) {
        return serde_yaml_ng::to_string(value);
    }
    let mut out = String::new();
    block(value, 0, &mut out);
    if !out.ends_with('\n') {
        out.push('\n');
    }
    Ok(out)
}

fn has_tag(value: &Value) -> bool {
    match value {
        Value::Tagged(_) => true,
        Value::Sequence(items) => items.iter().any(has_tag),
        Value::Mapping(map) => map.iter().any(|(k, v)| {
            has_tag(k) || has_tag(v) || matches!(k, Value::Mapping(_) | Value::Sequence(_))
        }),
        _ => false,
    }
}

/// Writes a value whose lines begin at column `indent`; the first line is begun by the caller.
fn block(value: &Value, indent: usize, out: &mut String) {
    let pad = " ".repeat(indent);
    match value {
        Value::Mapping(map) if !map.is_empty() => {
            for (n, (key, value)) in map.iter().enumerate() {
                if n > 0 {
                    out.push_str(&pad);
                }
                out.push_str(&scalar(key));
                out.push(':');
                child(value, indent, out);
            }
        }
        Value::Sequence(items) if !items.is_empty() => {
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push_str(&pad);
                }
                out.push_str("- ");
                block(item, indent + 2, out);
            }
        }
        other => {
            out.push_str(&scalar(other));
            out.push('\n');
        }
    }
}

fn child(value: &Value, indent: usize, out: &mut String) {
    let deeper = match value {
        Value::Mapping(map) if !map.is_empty() => indent + 2,
        Value::Sequence(items) if !items.is_empty() => indent,
        other => {
            out.push(' ');
            out.push_str(&scalar(other));
            out.push('\n');
            return;
        }
    };
    out.push('\n');
    out.push_str(&" ".repeat(deeper));
    block(value, deeper, out);
}

fn scalar(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => b.to_string(),
        Value::Number(n) => n.to_string(),
        Value::String(s) if is_word(s) => s.clone(),
        Value::String(s) => quoted(s),
        Value::Sequence(_) => "[]".into(),
        Value::Mapping(_) | Value::Tagged(_) => "{}".into(),
    }
}

/// Quotes a string. JSON's strings are a subset of YAML's double-quoted ones, except for characters
/// that YAML 1.1 takes for a line break or a byte-order mark.
fn quoted(s: &str) -> String {
    let text = serde_json::Value::from(s).to_string();
    let special = |c: char| matches!(c, '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    text.chars()
        .map(|c| if special(c) { format!("\\u{:04x}", u32::from(c)) } else { c.to_string() })
        .collect()
}

/// Returns true if no YAML reader takes the plain string for anything but a string.
fn is_word(s: &str) -> bool {
    const SPECIAL: [&str; 9] = ["y", "n", "yes", "no", "on", "off", "true", "false", "null"];
    let good = |c: char| c.is_ascii_alphanumeric() || "-_./+=@:".contains(c);
    s.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && s.chars().all(good)
        && !s.ends_with(':')
        && !SPECIAL.contains(&s.to_ascii_lowercase().as_str())
}
