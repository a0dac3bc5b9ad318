use std::collections::BTreeMap;
use std::sync::Arc;

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
