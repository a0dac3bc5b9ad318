//! Filling in: the helpers that the defaults of all kinds are written with.

use serde_json::{Map, Value};

use crate::api::auth::User;
use crate::api::context::Server;

/// What defaults depend on besides the object.
pub(crate) struct Context<'a> {
    pub(crate) server: &'a Server,
    pub(crate) user: &'a User,
}

/// Sets a field that has no value.
pub(super) fn default(object: &mut Value, field: &str, value: Value) {
    if let Some(fields) = object.as_object_mut()
        && fields.get(field).is_none_or(|present| present.is_null() || *present == "")
    {
        fields.insert(field.to_owned(), value);
    }
}

/// Returns an object below; it is made if missing.
pub(super) fn below<'a>(object: &'a mut Value, field: &str) -> &'a mut Value {
    if !object.get(field).is_some_and(Value::is_object) {
        object[field] = Value::Object(Map::new());
    }
    &mut object[field]
}

/// Iterates over the items of a list, if there is one.
pub(super) fn items<'a>(object: &'a mut Value, field: &str) -> impl Iterator<Item = &'a mut Value> {
    object.get_mut(field).and_then(Value::as_array_mut).into_iter().flatten()
}
