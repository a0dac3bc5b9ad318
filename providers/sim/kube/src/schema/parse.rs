use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use super::types::{Field, ListKind, Struct, Type};

/// Field names and types of the built-in kinds; its notation is explained at its top.
static TEXT: &str = include_str!("types.txt");

struct Table {
    /// `group/version/Kind` → type.
    roots: BTreeMap<&'static str, Type>,
    structs: BTreeMap<&'static str, Struct>,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    let mut table = Table { roots: BTreeMap::new(), structs: BTreeMap::new() };
    for line in TEXT.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        let mut words = line.split(' ');
        let Some(first) = words.next() else { continue };
        if let Some(root) = first.strip_prefix('@') {
            let name = words.next().unwrap_or_default();
            table.roots.insert(root, Type::Named(name.into()));
            continue;
        }
        let (name, atomic) = optional_mark(first);
        let fields = words.filter_map(|word| {
            let (field, ty) = word.split_once('=')?;
            let (field, required) = optional_mark(field);
            let (ty, _) = parse_type(ty)?;
            Some((field.to_owned(), Field { ty, required, default: None }))
        });
        let known = Struct { name: name.to_owned(), atomic, open: false, fields: fields.collect() };
        table.structs.insert(name, known);
    }
    table
});

fn optional_mark(word: &str) -> (&str, bool) {
    match word.strip_prefix('!') {
        Some(rest) => (rest, true),
        None => (word, false),
    }
}

/// Parses one type of the notation; returns it with the rest of the text after it.
fn parse_type(text: &str) -> Option<(Type, &str)> {
    if let Some(rest) = text.strip_prefix('[') {
        let (item, rest) = parse_type(rest)?;
        let rest = rest.strip_prefix(']')?;
        let (kind, rest) = match rest.strip_prefix('{') {
            Some(keys) => {
                let (keys, rest) = keys.split_once('}')?;
                let kind = if keys.is_empty() {
                    ListKind::Set
                } else {
                    ListKind::Keyed(keys.split(',').map(str::to_owned).collect())
                };
                (kind, rest)
            }
            None => (ListKind::Atomic, rest),
        };
        return Some((Type::List(Arc::new(item), kind), rest));
    }
    if let Some(rest) = text.strip_prefix('<') {
        let (value, rest) = parse_type(rest)?;
        let rest = rest.strip_prefix('>')?;
        let atomic = rest.starts_with('!');
        return Some((Type::Map(Arc::new(value), atomic), rest.trim_start_matches('!')));
    }
    let end = text.find([']', '>']).unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let ty = match name {
        "s" => Type::String,
        "i" => Type::Integer,
        "n" => Type::Number,
        "b" => Type::Boolean,
        "y" => Type::Bytes,
        "q" => Type::Quantity,
        "x" => Type::IntOrString,
        "t" => Type::Time,
        "*" => Type::Any,
        name => Type::Named(name.into()),
    };
    Some((ty, rest))
}

/// Returns the type of a built-in kind.
pub(crate) fn root_type(group: &str, version: &str, kind: &str) -> Option<Type> {
    TABLE.roots.get(format!("{group}/{version}/{kind}").as_str()).cloned()
}

/// Finds a built-in type by its name.
pub(crate) fn named(name: &str) -> Option<&'static Struct> {
    TABLE.structs.get(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(ty: &Type, at: &str) {
        match ty {
            Type::Named(name) => assert!(named(name).is_some(), "{at}: no type {name}"),
            Type::List(item, kind) => {
                check(item, at);
                if let ListKind::Keyed(keys) = kind {
                    for key in keys {
                        assert!(item.field(key).is_some(), "{at}: no key {key}");
                    }
                }
            }
            Type::Map(value, _) => check(value, at),
            _ => {}
        }
    }

    #[test]
    fn every_type_that_is_named_exists_and_has_its_keys() {
        for ty in TABLE.roots.values() {
            check(ty, "root");
        }
        for known in TABLE.structs.values() {
            for (name, field) in &known.fields {
                check(&field.ty, &format!("{}.{name}", known.name));
            }
        }
        assert!(TABLE.structs.len() > 400);
    }

    #[test]
    fn containers_merge_by_name_and_ports_by_port_and_protocol() {
        let pod = root_type("", "v1", "Pod").unwrap();
        let containers = pod.field("spec").unwrap().field("containers").unwrap();
        assert_eq!(containers.list_kind(), &ListKind::Keyed(vec!["name".into()]));
        let ports = containers.item().field("ports").unwrap();
        assert_eq!(
            ports.list_kind(),
            &ListKind::Keyed(vec!["containerPort".into(), "protocol".into()])
        );
    }
}
