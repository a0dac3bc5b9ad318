//! Objects as rows of a table, with the columns `kubectl get` shows.

mod age;
mod cells;
mod cluster;
mod column;
mod config;
mod custom;
mod network;
mod pod;
mod storage;
mod workload;

use serde_json::{Value, json};

use super::kind::Kind;
use column::{Column, Table};

/// The kinds with columns of their own.
static TABLES: [&[Table]; 6] = [
    cluster::TABLES,
    config::TABLES,
    network::TABLES,
    pod::TABLES,
    storage::TABLES,
    workload::TABLES,
];

/// Shows these objects as a Table. `columns` is false for all but the first table of a watch.
pub(crate) fn of(kind: &Kind, objects: &[Value], include: Option<&str>, columns: bool) -> Value {
    let own = own_columns(kind);
    let extra = custom::columns(kind);
    let definitions: Vec<Value> = match own {
        _ if !columns => Vec::new(),
        Some(own) => own.iter().map(Column::definition).collect(),
        None => std::iter::once(column::NAME.definition())
            .chain(extra.iter().map(custom::Column::definition))
            .collect(),
    };
    let rows: Vec<Value> = objects
        .iter()
        .map(|object| {
            let cells: Vec<Value> = match own {
                Some(own) => own.iter().map(|column| column.cell(object)).collect(),
                None => std::iter::once(column::NAME.cell(object))
                    .chain(extra.iter().map(|column| column.cell(object)))
                    .collect(),
            };
            let mut row = json!({"cells": cells});
            match include {
                Some("None") => {}
                Some("Object") => row["object"] = object.clone(),
                _ => {
                    row["object"] = json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"]});
                }
            }
            row
        })
        .collect();
    json!({"kind": "Table", "apiVersion": "meta.k8s.io/v1", "columnDefinitions": definitions, "rows": rows})
}

/// Finds the columns of a kind; returns `None` for a kind that is shown by what its definition says.
fn own_columns(kind: &Kind) -> Option<&'static [Column]> {
    if kind.custom.is_some() {
        return None;
    }
    let named = |name: &str| match name.split_once('.') {
        Some((plural, group)) => plural == kind.plural && group == kind.group,
        None => name == kind.plural && kind.group.is_empty(),
    };
    let mut all = TABLES.into_iter().flatten();
    all.find(|table| table.kinds.iter().any(|name| named(name))).map(|table| table.columns)
}

#[cfg(test)]
mod tests;
