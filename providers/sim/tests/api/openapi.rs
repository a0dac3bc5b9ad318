//! Requests and answers against the vendor's OpenAPI document.
//!
//! With `INFRA_OPENAPI` pointing to the document, every call of every test here is checked: what the
//! embedded cloud accepts must be valid as a request, and all that it answers as a response.

mod document;
mod schema;

use document::Document;
use serde_json::Value;

use std::sync::LazyLock;

static DOCUMENT: LazyLock<Option<Document>> = LazyLock::new(|| {
    let path = std::env::var_os("INFRA_OPENAPI")?;
    let text = std::fs::read(&path).unwrap_or_else(|e| panic!("INFRA_OPENAPI: {path:?}: {e}"));
    Some(Document::new(serde_json::from_slice(&text).unwrap()))
});

/// Checks one exchange; the request's body only when it was accepted.
#[track_caller]
pub fn check(method: &str, path: &str, request: Option<&Value>, status: u16, answer: &Value) {
    let Some(document) = &*DOCUMENT else { return };
    if let Err(why) = document.check(method, path, request, status, answer) {
        panic!("{method} {path} -> {status}: {why}\nrequest: {request:?}\nanswer: {answer}");
    }
}

#[test]
fn the_document_is_there() {
    match &*DOCUMENT {
        Some(document) => assert!(document.operations() > 100),
        None => eprintln!(
            "\n*** SKIPPED: set INFRA_OPENAPI to the vendor's OpenAPI document (JSON) to check every request and answer of these tests against it ***\n"
        ),
    }
}

#[test]
fn the_checker_finds_faults() {
    let document = Document::new(serde_json::json!({
        "paths": { "/v2/things/{id}": { "get": { "responses": { "200": { "content": {
            "application/json": { "schema": { "$ref": "#/components/schemas/thing" } } } } } } } },
        "components": { "schemas": { "thing": {
            "allOf": [{ "type": "object", "required": ["id"], "properties": {
                "id": { "type": "integer", "minimum": 1 },
                "name": { "type": "string", "pattern": "^[a-z]+$" },
                "note": { "type": "string", "nullable": true } } }] } } }
    }));
    let check = |path: &str, status: u16, answer: Value| {
        document.check("GET", path, None, status, &answer).is_ok()
    };
    use serde_json::json;
    assert!(check("/v2/things/1?a=b", 200, json!({ "id": 1, "name": "a", "note": null })));
    for bad in [
        json!({}),
        json!({ "id": "1" }),
        json!({ "id": 0 }),
        json!({ "id": 1, "name": "A" }),
        json!({ "id": 1, "name": null }),
        json!([]),
    ] {
        assert!(!check("/v2/things/1", 200, bad.clone()), "{bad}");
    }
    assert!(!check("/v2/things/1", 201, json!({ "id": 1 })));
    assert!(!check("/v2/other", 200, json!({ "id": 1 })));
}
