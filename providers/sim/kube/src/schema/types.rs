use std::collections::BTreeMap;
use std::sync::Arc;

use super::parse;

/// The type of a value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Type {
    String,
    Integer,
    Number,
    Boolean,
    /// Bytes, in base64.
    Bytes,
    Quantity,
    IntOrString,
    Time,
    /// Anything; what it is follows from the value.
    Any,
    /// A built-in type by its name in `types.txt`.
    Named(Arc<str>),
    /// The type of a custom resource.
    Inline(Arc<Struct>),
    List(Arc<Type>, ListKind),
    /// A map; `true` when it is one value to server-side apply.
    Map(Arc<Type>, bool),
}

/// How two lists become one.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum ListKind {
    /// One replaces the other.
    Atomic,
    /// Each value once.
    Set,
    /// One item for each combination of these fields.
    Keyed(Vec<String>),
}

/// The type of an object with known fields.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Struct {
    pub(crate) name: String,
    /// One value to server-side apply.
    pub(crate) atomic: bool,
    /// Unknown fields are kept.
    pub(crate) open: bool,
    pub(crate) fields: BTreeMap<String, Field>,
}

/// A field of a `Struct`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Field {
    pub(crate) ty: Type,
    pub(crate) required: bool,
    /// The value it has when none is given (custom resources only).
    pub(crate) default: Option<serde_json::Value>,
}

impl Type {
    /// The fields, for an object with known ones.
    pub(crate) fn as_struct(&self) -> Option<&Struct> {
        match self {
            Type::Named(name) => parse::named(name),
            Type::Inline(inline) => Some(inline),
            _ => None,
        }
    }

    /// The type of a field of an object or of an entry of a map.
    pub(crate) fn field(&self, name: &str) -> Option<&Type> {
        static ANY: Type = Type::Any;
        match self {
            Type::Any => Some(&ANY),
            Type::Map(value, _) => Some(value),
            _ => {
                let known = self.as_struct()?;
                match known.fields.get(name) {
                    Some(field) => Some(&field.ty),
                    None if known.open => Some(&ANY),
                    None => None,
                }
            }
        }
    }

    /// The type of a list's items.
    pub(crate) fn item(&self) -> &Type {
        static ANY: Type = Type::Any;
        match self {
            Type::List(item, _) => item,
            _ => &ANY,
        }
    }

    /// How lists of this type merge.
    pub(crate) fn list_kind(&self) -> &ListKind {
        static ATOMIC: ListKind = ListKind::Atomic;
        match self {
            Type::List(_, kind) => kind,
            _ => &ATOMIC,
        }
    }

    /// Whether it is one value to server-side apply.
    pub(crate) fn is_atomic(&self) -> bool {
        match self {
            Type::Map(_, atomic) => *atomic,
            Type::List(_, kind) => *kind == ListKind::Atomic,
            _ => self.as_struct().is_some_and(|known| known.atomic),
        }
    }
}
