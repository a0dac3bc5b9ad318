//! Columns as data: a table is a list of columns, and a column says where its cell comes from.

use serde_json::{Value, json};

use super::age;
use super::cells::{containers, count, number, or, pairs, ratio, selector};

/// How some kinds are shown.
pub(super) struct Table {
    /// The kinds, as `deployments.apps`.
    pub(super) kinds: &'static [&'static str],
    pub(super) columns: &'static [Column],
}

/// A column of a table.
pub(super) struct Column {
    name: &'static str,
    /// Only `kubectl get -o wide` shows it.
    wide: bool,
    cell: Cell,
}

/// Where a cell comes from; fields are named by JSON pointers.
pub(super) enum Cell {
    /// A field as it is.
    Plain(&'static str),
    /// A field as a text, and the text that stands for one that is missing or empty.
    Text(&'static str, &'static str),
    /// A number, 0 if it is missing.
    Number(&'static str),
    /// Two numbers as `1/3`.
    Ratio(&'static str, &'static str),
    /// True if the field is true.
    Flag(&'static str),
    /// How many entries a list or a map has.
    Count(&'static str),
    /// How long ago a time was.
    Since(&'static str),
    /// A map as `a=b,c=d`.
    Pairs(&'static str),
    /// A label selector.
    Selector(&'static str),
    /// A field of all containers of a pod's spec.
    Containers(&'static str, &'static str),
    /// The same for all objects.
    Fixed(&'static str),
    /// What a function makes of the object.
    With(fn(&Value) -> Value),
}

use Cell::*;

pub(super) const NAME: Column = col("Name", Plain("/metadata/name"));
pub(super) const AGE: Column = col("Age", Since("/metadata/creationTimestamp"));
pub(super) const CREATED: Column = col("Created At", Plain("/metadata/creationTimestamp"));

/// Makes a column that every form shows.
pub(super) const fn col(name: &'static str, cell: Cell) -> Column {
    Column { name, wide: false, cell }
}

/// Makes a column that only the wide form shows.
pub(super) const fn wide(name: &'static str, cell: Cell) -> Column {
    Column { name, wide: true, cell }
}

impl Column {
    /// Returns the column's entry in `columnDefinitions`.
    pub(super) fn definition(&self) -> Value {
        let format = if self.name == "Name" { "name" } else { "" };
        json!({"name": self.name, "type": "string", "format": format, "description": "",
            "priority": i32::from(self.wide)})
    }

    /// Returns the column's cell for an object.
    pub(super) fn cell(&self, object: &Value) -> Value {
        let at = |pointer: &str| object.pointer(pointer).unwrap_or(&Value::Null);
        match self.cell {
            Plain(field) => at(field).clone(),
            Text(field, none) => or(at(field), none),
            Number(field) => json!(number(at(field))),
            Ratio(part, of) => ratio(at(part), at(of)),
            Flag(field) => json!(*at(field) == true),
            Count(field) => json!(count(at(field))),
            Since(field) => age::since(at(field)),
            Pairs(field) => pairs(at(field)),
            Selector(field) => selector(at(field)),
            Containers(spec, field) => containers(at(spec), field),
            Fixed(text) => json!(text),
            With(of) => of(object),
        }
    }
}
