//! Partial responses: `fields=items(name,labels/owner),nextPageToken`.

use serde_json::{Map, Value};

use super::Refusal;

/// What of an answer is wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields {
    /// Each name with what is wanted below it; all of it when that is empty.
    wanted: Vec<(String, Fields)>,
}

impl Fields {
    /// Reads the parameter.
    ///
    /// # Errors
    /// Returns 400 if it is not of the grammar.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let mut rest: Vec<char> = text.chars().filter(|c| !c.is_whitespace()).rev().collect();
        let fields = Self::read(&mut rest);
        match fields {
            Some(fields) if rest.is_empty() => Ok(fields),
            _ => Err(Refusal::bad("invalidParameter", format!("Invalid field selection {text}"))),
        }
    }

    fn read(rest: &mut Vec<char>) -> Option<Self> {
        let mut wanted = Vec::new();
        loop {
            wanted.push(Self::path(rest)?);
            if rest.last() != Some(&',') {
                return Some(Self { wanted });
            }
            rest.pop();
        }
    }

    fn path(rest: &mut Vec<char>) -> Option<(String, Self)> {
        let mut name = String::new();
        while let Some(c) = rest.last().copied().filter(|c| !",()/".contains(*c)) {
            rest.pop();
            name.push(c);
        }
        if name.is_empty() {
            return None;
        }
        let below = match rest.last() {
            Some('/') => {
                rest.pop();
                Self { wanted: vec![Self::path(rest)?] }
            }
            Some('(') => {
                rest.pop();
                let below = Self::read(rest)?;
                (rest.pop()? == ')').then_some(below)?
            }
            _ => Self::default(),
        };
        Some((name, below))
    }

    /// Leaves only what is wanted.
    pub fn apply(&self, value: Value) -> Value {
        if self.wanted.is_empty() {
            return value;
        }
        match value {
            Value::Array(items) => items.into_iter().map(|item| self.apply(item)).collect(),
            Value::Object(given) => {
                let mut kept = Map::new();
                for (name, value) in given {
                    let below: Vec<&Self> = self
                        .wanted
                        .iter()
                        .filter(|(wanted, _)| *wanted == name || wanted == "*")
                        .map(|(_, below)| below)
                        .collect();
                    if below.is_empty() {
                        continue;
                    }
                    let all = below.iter().any(|b| b.wanted.is_empty());
                    let wanted = below.into_iter().flat_map(|b| b.wanted.clone()).collect();
                    let below = if all { Self::default() } else { Self { wanted } };
                    let is_scalar = !value.is_object() && !value.is_array();
                    if is_scalar && !below.wanted.is_empty() {
                        continue;
                    }
                    kept.insert(name, below.apply(value));
                }
                Value::Object(kept)
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_grammar() {
        let body = json!({
            "kind": "list", "nextPageToken": "t",
            "items": [{"name": "a", "labels": {"x": "1", "y": "2"}, "status": "UP"}],
        });
        let cut = |text: &str| Fields::parse(text).unwrap().apply(body.clone());
        assert_eq!(cut("kind"), json!({"kind": "list"}));
        assert_eq!(
            cut("items(name,labels/x),nextPageToken"),
            json!({"nextPageToken": "t", "items": [{"name": "a", "labels": {"x": "1"}}]})
        );
        assert_eq!(cut("items/name,items/status")["items"], json!([{"name": "a", "status": "UP"}]));
        let scoped = json!({"items": {"zones/a": {"instances": [{"name": "i", "id": "1"}]}}});
        let fields = Fields::parse("items/*/instances(name)").unwrap();
        assert_eq!(
            fields.apply(scoped),
            json!({"items": {"zones/a": {"instances": [{"name": "i"}]}}})
        );
        for bad in ["", "a,", "a(b", "a)b", "a//b"] {
            assert!(Fields::parse(bad).is_err(), "{bad}");
        }
    }
}
