//! The JSON Schema of infra.toml, for editors and for [`super::check`].

use serde_json::Value;

use super::raw::Raw;

/// Makes the schema (JSON Schema 2020-12).
pub fn schema() -> Value {
    let mut schema = schemars::schema_for!(Raw).to_value();
    if let Some(root) = schema.as_object_mut() {
        root.insert("title".into(), Value::from("infra.toml"));
    }
    schema
}
