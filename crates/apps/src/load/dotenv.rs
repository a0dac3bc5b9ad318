//! `.env` files: `KEY=VALUE`, `export`, comments, quotes.

use std::{collections::BTreeMap, path::Path};

use crate::{Origin, Problem, ProblemKind};

/// Parses the keys and values of a `.env` text. Messages never show a value.
pub(super) fn parse(file: &Path, text: &str) -> Result<BTreeMap<String, String>, Vec<Problem>> {
    let mut values = BTreeMap::new();
    let mut problems = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        let problem = |message: String| {
            Problem::new(ProblemKind::SecretFile, Origin::new(file, number + 1), message)
        };
        let Some((key, value)) = line.split_once('=') else {
            problems.push(problem("expected KEY=VALUE".to_owned()));
            continue;
        };
        let key = key.trim();
        if !is_key(key) {
            problems.push(problem("a key is made of letters, digits and _".to_owned()));
            continue;
        }
        match unquoted(value.trim()) {
            Some(value) => {
                if values.insert(key.to_owned(), value).is_some() {
                    problems.push(problem(format!("{key} is there twice")));
                }
            }
            None => problems.push(problem(format!("{key}: a quote is not closed"))),
        }
    }
    if problems.is_empty() { Ok(values) } else { Err(problems) }
}

fn is_key(key: &str) -> bool {
    key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Removes a value's quotes; in double quotes it resolves `\n`, `\t`, `\"`, `\\` and `\$`. Without
/// quotes a comment begins at ` #`.
fn unquoted(value: &str) -> Option<String> {
    if let Some(rest) = value.strip_prefix('\'') {
        let end = rest.find('\'')?;
        return is_end(&rest[end + 1..]).then(|| rest[..end].to_owned());
    }
    if let Some(rest) = value.strip_prefix('"') {
        let mut text = String::new();
        let mut chars = rest.char_indices();
        while let Some((at, c)) = chars.next() {
            match c {
                '"' => return is_end(&rest[at + 1..]).then_some(text),
                '\\' => match chars.next()?.1 {
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    c @ ('"' | '\\' | '$') => text.push(c),
                    c => text.extend(['\\', c]),
                },
                c => text.push(c),
            }
        }
        return None;
    }
    let end = value.find(" #").unwrap_or(value.len());
    Some(value[..end].trim_end().to_owned())
}

fn is_end(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with('#')
}
