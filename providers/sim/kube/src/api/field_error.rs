use std::fmt;

use serde_json::{Value, json};

/// Everything that is wrong with an object.
pub(crate) type Errors = Vec<FieldError>;

/// What is wrong with one field, worded as the API server words it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct FieldError {
    field: String,
    problem: Problem,
}

#[derive(Debug, Clone, PartialEq)]
enum Problem {
    Required(String),
    Invalid(Value, String),
    NotSupported(Value, Vec<String>),
    Duplicate(Value),
    Forbidden(String),
    TooLong(String),
    NotFound(Value),
}

impl FieldError {
    fn new(field: impl Into<String>, problem: Problem) -> Self {
        Self { field: field.into(), problem }
    }

    pub(crate) fn required(field: impl Into<String>, detail: &str) -> Self {
        Self::new(field, Problem::Required(detail.to_owned()))
    }

    pub(crate) fn invalid(
        field: impl Into<String>,
        value: impl Into<Value>,
        detail: impl Into<String>,
    ) -> Self {
        Self::new(field, Problem::Invalid(value.into(), detail.into()))
    }

    pub(crate) fn not_supported(
        field: impl Into<String>,
        value: impl Into<Value>,
        supported: &[&str],
    ) -> Self {
        let supported = supported.iter().map(|s| (*s).to_owned()).collect();
        Self::new(field, Problem::NotSupported(value.into(), supported))
    }

    pub(crate) fn duplicate(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(field, Problem::Duplicate(value.into()))
    }

    pub(crate) fn forbidden(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self::new(field, Problem::Forbidden(detail.into()))
    }

    pub(crate) fn too_long(field: impl Into<String>, limit: usize) -> Self {
        Self::new(field, Problem::TooLong(format!("may not be more than {limit} bytes")))
    }

    pub(crate) fn not_found(field: impl Into<String>, value: impl Into<Value>) -> Self {
        Self::new(field, Problem::NotFound(value.into()))
    }

    /// Makes the entry of `details.causes`.
    pub(crate) fn cause(&self) -> Value {
        let reason = match &self.problem {
            Problem::Required(_) => "FieldValueRequired",
            Problem::Invalid(..) => "FieldValueInvalid",
            Problem::NotSupported(..) => "FieldValueNotSupported",
            Problem::Duplicate(_) => "FieldValueDuplicate",
            Problem::Forbidden(_) => "FieldValueForbidden",
            Problem::TooLong(_) => "FieldValueTooLong",
            Problem::NotFound(_) => "FieldValueNotFound",
        };
        json!({"reason": reason, "message": self.message(), "field": self.field})
    }

    fn message(&self) -> String {
        let with = |what: &str, detail: &str| {
            if detail.is_empty() { what.to_owned() } else { format!("{what}: {detail}") }
        };
        match &self.problem {
            Problem::Required(detail) => with("Required value", detail),
            Problem::Invalid(value, detail) => with(&format!("Invalid value: {value}"), detail),
            Problem::NotSupported(value, supported) => {
                let quoted: Vec<String> = supported.iter().map(|s| format!("\"{s}\"")).collect();
                format!("Unsupported value: {value}: supported values: {}", quoted.join(", "))
            }
            Problem::Duplicate(value) => format!("Duplicate value: {value}"),
            Problem::Forbidden(detail) => with("Forbidden", detail),
            Problem::TooLong(detail) => with("Too long", detail),
            Problem::NotFound(value) => format!("Not found: {value}"),
        }
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.message())
    }
}
