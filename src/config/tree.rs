//! TOML with positions: parsing, and laying an environment over the base.

use std::{collections::BTreeMap, ops::Range};

use infra_provider_api::Diagnostic;
use serde_json::{Map, Value};
use toml::de::{DeTable, DeValue};

/// A value and where it was written.
#[derive(Clone, Debug)]
pub struct Node {
    /// Bytes of the value in the file.
    pub span: Range<usize>,
    /// Bytes of its key; the value's own for list items.
    pub key: Range<usize>,
    /// The value.
    pub body: Body,
}

/// What a [`Node`] holds.
#[derive(Clone, Debug)]
pub enum Body {
    /// A table.
    Table(BTreeMap<String, Node>),
    /// A list.
    List(Vec<Node>),
    /// Anything else.
    Leaf(Value),
}

impl Node {
    /// Makes an empty table.
    pub fn empty() -> Self {
        Self { span: 0..0, key: 0..0, body: Body::Table(BTreeMap::new()) }
    }

    /// Returns the tree as JSON, without positions.
    pub fn to_json(&self) -> Value {
        match &self.body {
            Body::Table(fields) => Value::Object(
                fields
                    .iter()
                    .map(|(name, node)| (name.clone(), node.to_json()))
                    .collect::<Map<_, _>>(),
            ),
            Body::List(items) => Value::Array(items.iter().map(Self::to_json).collect()),
            Body::Leaf(value) => value.clone(),
        }
    }

    /// Finds the node at a path of keys and list positions. If the path leads below what was
    /// written, it returns the nearest node above.
    pub fn at<'a>(&'a self, path: &[&str]) -> &'a Self {
        let mut node = self;
        for part in path {
            let next = match &node.body {
                Body::Table(fields) => fields.get(*part),
                Body::List(items) => part.parse::<usize>().ok().and_then(|at| items.get(at)),
                Body::Leaf(_) => None,
            };
            match next {
                Some(next) => node = next,
                None => return node,
            }
        }
        node
    }

    /// Returns a field of a table.
    pub fn field(&self, name: &str) -> Option<&Self> {
        match &self.body {
            Body::Table(fields) => fields.get(name),
            _ => None,
        }
    }

    /// Lays `over` on top: tables key by key, everything else whole.
    pub fn overlay(&mut self, over: &Self) {
        if let (Body::Table(fields), Body::Table(others)) = (&mut self.body, &over.body) {
            for (name, other) in others {
                match fields.get_mut(name) {
                    Some(node) => node.overlay(other),
                    None => {
                        fields.insert(name.clone(), other.clone());
                    }
                }
            }
        } else {
            *self = over.clone();
        }
    }
}

/// Parses a file.
///
/// # Errors
/// Returns the first part that is not TOML, with its place.
pub fn parse(text: &str) -> Result<Node, Diagnostic> {
    let table = DeTable::parse(text).map_err(|error| {
        let diagnostic = Diagnostic::new(format!("this is not TOML: {}", error.message()));
        match error.span() {
            Some(span) => diagnostic.at(span),
            None => diagnostic,
        }
    })?;
    let span = table.span();
    Ok(Node { key: span.clone(), span, body: from_table(table.get_ref()) })
}

fn from_table(table: &DeTable<'_>) -> Body {
    Body::Table(
        table
            .iter()
            .map(|(name, value)| {
                let body = from_value(value.get_ref());
                let node = Node { span: value.span(), key: name.span(), body };
                (name.get_ref().to_string(), node)
            })
            .collect(),
    )
}

fn from_value(value: &DeValue<'_>) -> Body {
    match value {
        DeValue::Table(table) => from_table(table),
        DeValue::Array(items) => Body::List(
            items
                .iter()
                .map(|item| Node {
                    span: item.span(),
                    key: item.span(),
                    body: from_value(item.get_ref()),
                })
                .collect(),
        ),
        DeValue::String(text) => Body::Leaf(Value::from(text.as_ref())),
        DeValue::Boolean(flag) => Body::Leaf(Value::from(*flag)),
        DeValue::Integer(number) => Body::Leaf(
            i64::from_str_radix(&number.as_str().replace('_', ""), number.radix())
                .map_or_else(|_| Value::from(number.as_str()), Value::from),
        ),
        DeValue::Float(number) => Body::Leaf(
            number
                .as_str()
                .parse::<f64>()
                .map_or_else(|_| Value::from(number.as_str()), Value::from),
        ),
        DeValue::Datetime(when) => Body::Leaf(Value::from(when.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_overlay_merges_tables_and_takes_lists_whole() {
        let mut base =
            parse("[pools.worker]\ncount = 2\ntaints = [\"a\", \"b\"]\nlabels = { x = \"1\" }")
                .unwrap();
        let over = parse("[pools.worker]\ntaints = []\nlabels = { y = \"2\" }").unwrap();
        base.overlay(&over);
        assert_eq!(
            base.to_json(),
            json!({"pools": {"worker": {"count": 2, "taints": [],
                                         "labels": {"x": "1", "y": "2"}}}})
        );
    }

    #[test]
    fn positions_are_those_of_the_file() {
        let text = "[cluster]\nname = \"x\"\n";
        let node = parse(text).unwrap();
        let name = node.at(&["cluster", "name"]);
        assert_eq!(&text[name.key.clone()], "name");
        assert_eq!(&text[name.span.clone()], "\"x\"");
        assert_eq!(node.at(&["cluster", "region", "deeper"]).key, node.at(&["cluster"]).key);
    }
}
