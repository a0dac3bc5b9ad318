use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::api::builtin::built_in;
use crate::api::kind::Kind;
use crate::api::registry::Registry;
use crate::schema::{Type, named_schemas, schema_name, schema_of};

/// Answers `/openapi/v3`: one document a group and version, with a hash that clients cache by.
pub(super) fn index(registry: &Registry) -> Value {
    let mut paths = Map::new();
    let core = [(String::new(), vec!["v1".to_owned()])];
    for (group, versions) in core.into_iter().chain(registry.groups()) {
        for version in versions {
            let path = if group.is_empty() {
                format!("api/{version}")
            } else {
                format!("apis/{group}/{version}")
            };
            let hash = hash(registry, &group, &version);
            paths.insert(
                path.clone(),
                json!({"serverRelativeURL": format!("/openapi/v3/{path}?hash={hash}")}),
            );
        }
    }
    json!({"paths": paths})
}

/// Returns the hash of a document. The hashes of the built-in kinds never change.
fn hash(registry: &Registry, group: &str, version: &str) -> String {
    static KNOWN: Mutex<BTreeMap<(String, String), String>> = Mutex::new(BTreeMap::new());
    let compute = || {
        let text = document(registry, group, version).map(|d| d.to_string()).unwrap_or_default();
        hex::encode_upper(Sha256::digest(text))
    };
    if !built_in().iter().any(|kind| kind.group == group) {
        return compute();
    }
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    known.entry((group.to_owned(), version.to_owned())).or_insert_with(compute).clone()
}

/// Makes the document of one group and version.
pub(super) fn document(registry: &Registry, group: &str, version: &str) -> Option<Value> {
    let kinds: Vec<_> = registry
        .all()
        .into_iter()
        .filter(|kind| kind.group == group && kind.version == version)
        .collect();
    if kinds.is_empty() {
        return None;
    }
    let mut paths = Map::new();
    let mut roots = BTreeSet::new();
    let mut schemas = Map::new();
    for kind in &kinds {
        let name = full_name(kind);
        let gvk = json!([{"group": kind.group, "version": kind.version, "kind": kind.kind}]);
        match &kind.schema {
            Type::Named(short) => {
                roots.insert(short.to_string());
            }
            other => {
                schemas.insert(name.clone(), schema_of(other, &mut roots));
            }
        }
        operations(&mut paths, kind, &name);
        schemas.entry(name).or_insert(Value::Null)["x-kubernetes-group-version-kind"] = gvk;
    }
    for (name, mut schema) in named_schemas(roots) {
        if let Some(gvk) = schemas.get(&name).and_then(|s| s.get("x-kubernetes-group-version-kind"))
        {
            schema["x-kubernetes-group-version-kind"] = gvk.clone();
        }
        schemas.insert(name, schema);
    }
    Some(json!({
        "openapi": "3.0.0", "info": {"title": "Kubernetes", "version": "v1"},
        "paths": paths, "components": {"schemas": schemas},
    }))
}

pub(super) fn full_name(kind: &Kind) -> String {
    match &kind.schema {
        Type::Named(name) => schema_name(name),
        _ => {
            let reversed: Vec<&str> = kind.group.split('.').rev().collect();
            format!("{}.{}.{}", reversed.join("."), kind.version, kind.kind)
        }
    }
}

/// Adds the operations there are, with the parameters clients look for before they use them.
fn operations(paths: &mut Map<String, Value>, kind: &Kind, schema: &str) {
    let root = if kind.group.is_empty() {
        format!("/api/{}", kind.version)
    } else {
        format!("/apis/{}/{}", kind.group, kind.version)
    };
    let collection = if kind.namespaced {
        format!("{root}/namespaces/{{namespace}}/{}", kind.plural)
    } else {
        format!("{root}/{}", kind.plural)
    };
    let gvk = json!({"group": kind.group, "version": kind.version, "kind": kind.kind});
    let body = json!({"content": {"application/json": {"schema": {"$ref": format!("#/components/schemas/{schema}")}}}});
    let operation = |action: &str, names: &[&str]| {
        let parameters: Vec<Value> = names
            .iter()
            .map(|name| {
                let ty = if *name == "force" { "boolean" } else { "string" };
                json!({"name": name, "in": "query", "schema": {"type": ty, "uniqueItems": true}})
            })
            .collect();
        let mut answer = body.clone();
        answer["description"] = json!("OK");
        json!({"parameters": parameters, "responses": {"200": answer},
            "x-kubernetes-action": action, "x-kubernetes-group-version-kind": gvk})
    };
    let write = ["pretty", "dryRun", "fieldManager", "fieldValidation"];
    let mut post = operation("post", &write);
    post["requestBody"] = body.clone();
    let mut at_collection = json!({"post": post});
    if !kind.create_only {
        at_collection["get"] = operation(
            "list",
            &["labelSelector", "fieldSelector", "limit", "continue", "resourceVersion", "watch"],
        );
        let mut put = operation("put", &write);
        put["requestBody"] = body.clone();
        let mut patch =
            operation("patch", &["pretty", "dryRun", "fieldManager", "fieldValidation", "force"]);
        patch["requestBody"] = body.clone();
        let item = json!({
            "get": operation("get", &["pretty"]), "put": put, "patch": patch,
            "delete": operation("delete", &["dryRun", "gracePeriodSeconds", "propagationPolicy"]),
        });
        paths.insert(format!("{collection}/{{name}}"), item);
    }
    paths.insert(collection, at_collection);
}
