//! Compute's `filter`: `name eq regex`, `name = x`, `labels.k = v`, `(a) (b)`, AND, OR, NOT.

mod tokens;

use regex::Regex;
use serde_json::Value;

use super::Refusal;
use tokens::{Token, tokens};

/// An expression over the fields of an item.
#[derive(Debug, Clone)]
pub enum Filter {
    /// All of these.
    All(Vec<Filter>),
    /// Any of these.
    Any(Vec<Filter>),
    /// Not this one.
    Not(Box<Filter>),
    /// A field compared with a value.
    Compare(Vec<String>, Op),
}

/// A comparison.
#[derive(Debug, Clone)]
pub enum Op {
    /// `=`; `*` stands for any run of characters.
    Is(String),
    /// `eq`: the whole value matches.
    Matches(Regex),
    /// `:`: the value has this part, or, for `*`, is there.
    Has(String),
    /// `<`, `<=`, `>`, `>=` as numbers or texts.
    Order(std::cmp::Ordering, bool, String),
}

impl Filter {
    /// Reads an expression.
    ///
    /// # Errors
    /// Returns 400 `invalid` if it is none.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let bad = || Refusal::field("filter", text, "Invalid list filter expression.");
        let mut tokens = tokens(text).ok_or_else(bad)?;
        tokens.reverse();
        let filter = any(&mut tokens).ok_or_else(bad)?;
        if tokens.is_empty() { Ok(filter) } else { Err(bad()) }
    }

    /// Returns true if an item is as the expression says.
    pub fn admits(&self, item: &Value) -> bool {
        match self {
            Self::All(parts) => parts.iter().all(|p| p.admits(item)),
            Self::Any(parts) => parts.iter().any(|p| p.admits(item)),
            Self::Not(part) => !part.admits(item),
            Self::Compare(path, op) => {
                let found = values(item, path);
                match op {
                    Op::Is(wanted) if found.is_empty() => wanted.is_empty(),
                    Op::Has(part) if part == "*" => !found.is_empty(),
                    op => found.iter().any(|value| op.holds(value)),
                }
            }
        }
    }
}

impl Op {
    fn holds(&self, value: &str) -> bool {
        match self {
            Self::Is(wanted) if wanted.contains('*') => crate::faults::glob(wanted, value),
            Self::Is(wanted) => wanted == value,
            Self::Matches(regex) => regex.is_match(value),
            Self::Has(part) => {
                value.to_ascii_lowercase().contains(&part.to_ascii_lowercase().replace('*', ""))
            }
            Self::Order(order, or_equal, wanted) => {
                let given = match (value.parse::<f64>(), wanted.parse::<f64>()) {
                    (Ok(value), Ok(wanted)) => value.partial_cmp(&wanted),
                    _ => Some(value.cmp(wanted.as_str())),
                };
                given.is_some_and(|g| g == *order || (*or_equal && g.is_eq()))
            }
        }
    }
}

/// Returns the values at a path, through lists.
fn values(item: &Value, path: &[String]) -> Vec<String> {
    match (item, path.split_first()) {
        (Value::Array(items), _) => items.iter().flat_map(|i| values(i, path)).collect(),
        (Value::Object(map), Some((first, rest))) => {
            map.get(first).map(|v| values(v, rest)).unwrap_or_default()
        }
        (Value::String(text), None) => vec![text.clone()],
        (Value::Bool(_) | Value::Number(_), None) => vec![item.to_string()],
        (Value::Object(map), None) if !map.is_empty() => vec![String::new()],
        _ => Vec::new(),
    }
}

fn any(tokens: &mut Vec<Token>) -> Option<Filter> {
    let mut parts = vec![all(tokens)?];
    while word(tokens, "OR") {
        parts.push(all(tokens)?);
    }
    Some(if parts.len() == 1 { parts.remove(0) } else { Filter::Any(parts) })
}

fn all(tokens: &mut Vec<Token>) -> Option<Filter> {
    let mut parts = vec![one(tokens)?];
    loop {
        let is_end = matches!(tokens.last(), None | Some(Token::Close))
            || matches!(tokens.last(), Some(Token::Word(w)) if w == "OR");
        if is_end {
            break;
        }
        word(tokens, "AND");
        parts.push(one(tokens)?);
    }
    Some(if parts.len() == 1 { parts.remove(0) } else { Filter::All(parts) })
}

fn one(tokens: &mut Vec<Token>) -> Option<Filter> {
    if word(tokens, "NOT") || word(tokens, "-") {
        return Some(Filter::Not(Box::new(one(tokens)?)));
    }
    match tokens.pop()? {
        Token::Open => {
            let inner = any(tokens)?;
            (tokens.pop()? == Token::Close).then_some(inner)
        }
        Token::Word(field) | Token::Quoted(field) => compare(field, tokens),
        _ => None,
    }
}

fn compare(field: String, tokens: &mut Vec<Token>) -> Option<Filter> {
    use std::cmp::Ordering::{Greater, Less};
    let sign = match tokens.pop()? {
        Token::Sign(sign) => sign.to_owned(),
        Token::Word(word) if ["eq", "ne"].contains(&word.as_str()) => word,
        _ => return None,
    };
    let value = match tokens.pop()? {
        Token::Word(text) | Token::Quoted(text) => text,
        _ => return None,
    };
    // A key of a map may be quoted: labels."a.b".
    let path: Vec<String> = match field.split_once(".\"") {
        Some((map, key)) => vec![map.to_owned(), key.trim_end_matches('"').to_owned()],
        None => field.split('.').map(str::to_owned).collect(),
    };
    let (op, is_not) = match sign.as_str() {
        "=" => (Op::Is(value), false),
        "!=" => (Op::Is(value), true),
        "eq" => (Op::Matches(whole(&value)?), false),
        "ne" => (Op::Matches(whole(&value)?), true),
        ":" => (Op::Has(value), false),
        "<" => (Op::Order(Less, false, value), false),
        "<=" => (Op::Order(Less, true, value), false),
        ">" => (Op::Order(Greater, false, value), false),
        _ => (Op::Order(Greater, true, value), false),
    };
    let filter = Filter::Compare(path, op);
    Some(if is_not { Filter::Not(Box::new(filter)) } else { filter })
}

fn whole(pattern: &str) -> Option<Regex> {
    Regex::new(&format!("^(?:{pattern})$")).ok()
}

fn word(tokens: &mut Vec<Token>, wanted: &str) -> bool {
    let is_it = matches!(tokens.last(), Some(Token::Word(w)) if w == wanted);
    if is_it {
        tokens.pop();
    }
    is_it
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_usual_expressions() {
        let item = json!({
            "name": "infra-net", "priority": 1000, "labels": {"infra-owner": "u-1"},
            "network": "https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
            "disks": [{"type": "pd"}],
        });
        let admits = |text: &str| Filter::parse(text).unwrap().admits(&item);
        for good in [
            "name = infra-net",
            "name=\"infra-net\"",
            "name eq infra-.*",
            "name eq \".*(^infra-net$).*\"",
            "name ne other.*",
            "name != other",
            "labels.infra-owner=u-1",
            "labels.infra-owner:*",
            "(name = infra-net) (labels.infra-owner = u-1)",
            "name = infra-net AND labels.infra-owner = u-1",
            "name = x OR priority > 999",
            "NOT name = x",
            "name:infra",
            "name = infra-*",
            "disks.type = pd",
            "network eq .*/networks/n",
            "network=https://www.googleapis.com/compute/v1/projects/p/global/networks/n",
            "description = \"\"",
        ] {
            assert!(admits(good), "{good}");
        }
        for bad in
            ["name eq infra", "labels.other:*", "(name = infra-net) (name = x)", "priority < 5"]
        {
            assert!(!admits(bad), "{bad}");
        }
        for broken in ["name", "name =", "(name = x", "= x", "name eq [", "name ~ x"] {
            assert!(Filter::parse(broken).is_err(), "{broken}");
        }
    }
}
