//! Fields: what a type says of the values below it. Types that are named are looked up here.

use super::parse::named;
use super::types::{ListKind, Struct, Type};

impl Type {
    /// Returns the fields, for an object with known ones.
    pub(crate) fn as_struct(&self) -> Option<&Struct> {
        match self {
            Type::Named(name) => named(name),
            Type::Inline(inline) => Some(inline),
            _ => None,
        }
    }

    /// Returns the type of a field of an object or of an entry of a map.
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

    /// Returns the type of a list's items.
    pub(crate) fn item(&self) -> &Type {
        static ANY: Type = Type::Any;
        match self {
            Type::List(item, _) => item,
            _ => &ANY,
        }
    }

    /// Returns how lists of this type merge.
    pub(crate) fn list_kind(&self) -> &ListKind {
        static ATOMIC: ListKind = ListKind::Atomic;
        match self {
            Type::List(_, kind) => kind,
            _ => &ATOMIC,
        }
    }

    /// Returns true if it is one value to server-side apply.
    pub(crate) fn is_atomic(&self) -> bool {
        match self {
            Type::Map(_, atomic) => *atomic,
            Type::List(_, kind) => *kind == ListKind::Atomic,
            _ => self.as_struct().is_some_and(|known| known.atomic),
        }
    }
}
