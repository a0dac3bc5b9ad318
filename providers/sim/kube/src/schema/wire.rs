use std::collections::BTreeMap;
use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use super::types::Type;
use super::{named, root_type};

/// Field numbers; the notation is explained at its top.
static TEXT: &str = include_str!("wire.txt");

enum Place {
    /// A field of this name.
    Field(&'static str),
    /// A message whose fields are those of its owner.
    Inline(&'static str),
}

static TABLE: LazyLock<BTreeMap<&'static str, BTreeMap<u64, Place>>> = LazyLock::new(|| {
    TEXT.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let (name, fields) = line.split_once(' ')?;
            let fields = fields.split(' ').filter_map(|field| {
                let (place, number) = field.split_once('=')?;
                let place = match place.starts_with('~') {
                    true => Place::Inline(place),
                    false => Place::Field(place),
                };
                Some((number.parse().ok()?, place))
            });
            Some((name, fields.collect()))
        })
        .collect()
});

/// What typed clients send objects behind.
const MAGIC: &[u8] = b"k8s\0";

/// Reads an object as Kubernetes' typed clients send it: an envelope with its type, and the object
/// in protobuf. `None` when it is not one, or of a type that has no number table.
pub(crate) fn from_wire(bytes: &[u8]) -> Option<Value> {
    let envelope = fields(bytes.strip_prefix(MAGIC)?)?;
    let bytes_of = |number: u64| {
        envelope.iter().find_map(|(n, raw)| (*n == number).then(|| raw.bytes()).flatten())
    };
    let meta = fields(bytes_of(1).unwrap_or_default())?;
    let text = |number: u64| {
        let raw = meta.iter().find_map(|(n, raw)| (*n == number).then(|| raw.bytes()).flatten());
        String::from_utf8_lossy(raw.unwrap_or_default()).into_owned()
    };
    let (version, kind) = (text(1), text(2));
    let (group, short) = version.split_once('/').unwrap_or(("", &version));
    let ty = match kind.as_str() {
        "DeleteOptions" => Type::Named("meta.DeleteOptions".into()),
        _ => root_type(group, short, &kind)?,
    };
    let Type::Named(name) = &ty else { return None };
    let mut object = Map::new();
    message(&mut object, name, &ty, bytes_of(2).unwrap_or_default())?;
    object.insert("apiVersion".into(), json!(version));
    object.insert("kind".into(), json!(kind));
    Some(Value::Object(object))
}

#[derive(Clone, Copy)]
enum Raw<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Raw<'a> {
    fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Raw::Bytes(bytes) => Some(bytes),
            Raw::Number(_) => None,
        }
    }
}

fn varint(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (first, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(first & 0x7f) << shift;
        if first & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Reads the fields of a message, in order.
fn fields(mut bytes: &[u8]) -> Option<Vec<(u64, Raw<'_>)>> {
    let mut out = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes)?;
        let raw = match tag & 7 {
            0 => Raw::Number(varint(&mut bytes)?),
            1 => {
                let (value, rest) = bytes.split_first_chunk::<8>()?;
                bytes = rest;
                Raw::Number(u64::from_le_bytes(*value))
            }
            2 => {
                let length = usize::try_from(varint(&mut bytes)?).ok()?;
                let (value, rest) = bytes.split_at_checked(length)?;
                bytes = rest;
                Raw::Bytes(value)
            }
            5 => {
                let (value, rest) = bytes.split_first_chunk::<4>()?;
                bytes = rest;
                Raw::Number(u64::from(u32::from_le_bytes(*value)))
            }
            _ => return None,
        };
        out.push((tag >> 3, raw));
    }
    Some(out)
}

/// Reads a message into `object`, by the number table of `table` and the types of `ty`.
fn message(object: &mut Map<String, Value>, table: &str, ty: &Type, bytes: &[u8]) -> Option<()> {
    let places = TABLE.get(table)?;
    for (number, raw) in fields(bytes)? {
        match places.get(&number) {
            Some(Place::Inline(table)) => message(object, table, ty, raw.bytes()?)?,
            Some(Place::Field(name)) => {
                let Some(field_ty) = ty.field(name) else { continue };
                put(object, name, field_ty, raw)?;
            }
            // A field newer than the table.
            None => {}
        }
    }
    Some(())
}

fn put(object: &mut Map<String, Value>, name: &str, ty: &Type, raw: Raw<'_>) -> Option<()> {
    match ty {
        Type::List(item, _) => {
            let list = object.entry(name).or_insert_with(|| json!([]));
            let item = value(item, raw)?.unwrap_or_else(|| json!(""));
            list.as_array_mut()?.push(item);
        }
        Type::Map(of, _) => {
            let entries = object.entry(name).or_insert_with(|| json!({}));
            let (mut key, mut found) = (String::new(), None);
            for (number, raw) in fields(raw.bytes()?)? {
                match number {
                    1 => key = String::from_utf8_lossy(raw.bytes()?).into_owned(),
                    2 => found = map_value(of, raw)?,
                    _ => {}
                }
            }
            entries.as_object_mut()?.insert(key, found.unwrap_or_else(|| json!("")));
        }
        _ => {
            if let Some(found) = value(ty, raw)?
                && !is_unset(name, &found)
            {
                object.insert(name.to_owned(), found);
            }
        }
    }
    Some(())
}

/// Reads a value of a map. A map of lists has its lists in messages of their own.
fn map_value(ty: &Type, raw: Raw<'_>) -> Option<Option<Value>> {
    let Type::List(item, _) = ty else { return value(ty, raw) };
    let mut list = Vec::new();
    for (_, raw) in fields(raw.bytes()?)? {
        list.extend(value(item, raw)?);
    }
    Some(Some(Value::Array(list)))
}

/// Reads a value of that type; returns `Some(None)` for one that says nothing.
fn value(ty: &Type, raw: Raw<'_>) -> Option<Option<Value>> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let first = |bytes: &[u8]| -> Option<String> {
        let found = fields(bytes)?.iter().find_map(|(_, raw)| raw.bytes().map(text));
        Some(found.unwrap_or_default())
    };
    Some(match (ty, raw) {
        (Type::String, Raw::Bytes(bytes)) => {
            Some(text(bytes)).filter(|text| !text.is_empty()).map(Value::from)
        }
        // Negative numbers are ten bytes of two's complement.
        (Type::Integer, Raw::Number(number)) => Some(json!(number.cast_signed())),
        (Type::Boolean, Raw::Number(number)) => Some(json!(number != 0)),
        (Type::Number, Raw::Number(number)) => Some(json!(f64::from_bits(number))),
        (Type::Bytes, Raw::Bytes(bytes)) => Some(json!(STANDARD.encode(bytes))),
        (Type::Quantity, Raw::Bytes(bytes)) => {
            Some(first(bytes)?).filter(|text| !text.is_empty()).map(Value::from)
        }
        (Type::Any, Raw::Bytes(bytes)) => serde_json::from_str(&first(bytes)?).ok(),
        (Type::Time, Raw::Bytes(bytes)) => time(bytes)?,
        (Type::IntOrString, Raw::Bytes(bytes)) => int_or_string(bytes)?,
        (Type::Named(name), Raw::Bytes(bytes)) => {
            named(name)?;
            let mut object = Map::new();
            message(&mut object, name, ty, bytes)?;
            Some(Value::Object(object))
        }
        _ => return None,
    })
}

fn time(bytes: &[u8]) -> Option<Option<Value>> {
    let (mut seconds, mut nanos) = (None, 0);
    for (number, raw) in fields(bytes)? {
        match (number, raw) {
            (1, Raw::Number(value)) => seconds = Some(value.cast_signed()),
            (2, Raw::Number(value)) => nanos = i32::try_from(value).unwrap_or(0),
            _ => {}
        }
    }
    let at = seconds.and_then(|seconds| jiff::Timestamp::new(seconds, nanos).ok());
    let format = if nanos == 0 { "%Y-%m-%dT%H:%M:%SZ" } else { "%Y-%m-%dT%H:%M:%S.%6fZ" };
    Some(at.map(|at| json!(at.strftime(format).to_string())))
}

fn int_or_string(bytes: &[u8]) -> Option<Option<Value>> {
    let (mut is_text, mut number, mut text) = (false, 0, String::new());
    for (field, raw) in fields(bytes)? {
        match (field, raw) {
            (1, Raw::Number(kind)) => is_text = kind == 1,
            (2, Raw::Number(value)) => number = value.cast_signed(),
            (3, Raw::Bytes(bytes)) => text = String::from_utf8_lossy(bytes).into_owned(),
            _ => {}
        }
    }
    Some(Some(if is_text { json!(text) } else { json!(number) }))
}

/// Returns true for a value that nobody set: Go writes plain numbers and flags also then.
fn is_unset(name: &str, value: &Value) -> bool {
    match value {
        Value::Number(number) => {
            number.as_i64() == Some(0)
                && matches!(
                    name,
                    "generation"
                        | "minReadySeconds"
                        | "nodePort"
                        | "hostPort"
                        | "healthCheckNodePort"
                        | "initialDelaySeconds"
                        | "timeoutSeconds"
                        | "periodSeconds"
                        | "successThreshold"
                        | "failureThreshold"
                        | "observedGeneration"
                        | "targetPort"
                        | "ready"
                        | "active"
                        | "succeeded"
                        | "failed"
                        | "count"
                )
        }
        Value::Bool(false) => matches!(
            name,
            "hostNetwork"
                | "hostPID"
                | "hostIPC"
                | "stdin"
                | "stdinOnce"
                | "tty"
                | "readOnly"
                | "publishNotReadyAddresses"
                | "paused"
                | "unschedulable"
                | "globalDefault"
        ),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Encodes one length-delimited field.
    fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
        let mut out = vec![number << 3 | 2, bytes.len() as u8];
        out.extend(bytes);
        out
    }

    #[test]
    fn an_object_of_a_typed_client_is_read() {
        let meta = [field(1, b"v1"), field(2, b"ConfigMap")].concat();
        let object_meta = [field(1, b"a"), field(3, b""), field(8, b"")].concat();
        let entry = [field(1, b"k"), field(2, b"v")].concat();
        let object = [field(1, &object_meta), field(2, &entry), vec![4 << 3, 1]].concat();
        let bytes = [MAGIC.to_vec(), field(1, &meta), field(2, &object)].concat();
        assert_eq!(
            from_wire(&bytes).unwrap(),
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": "v"}, "immutable": true})
        );
        assert!(from_wire(b"{}").is_none());
        assert!(from_wire(&bytes[..bytes.len() - 3]).is_none());
    }

    #[test]
    fn every_number_table_is_of_a_type_that_exists() {
        for (name, places) in TABLE.iter() {
            for place in places.values() {
                match place {
                    Place::Inline(table) => assert!(TABLE.contains_key(table), "{name}: {table}"),
                    Place::Field(field) if !name.starts_with('~') => {
                        assert!(named(name).unwrap().fields.contains_key(*field), "{name}.{field}");
                    }
                    Place::Field(_) => {}
                }
            }
        }
        assert!(TABLE.len() > 380);
    }
}
