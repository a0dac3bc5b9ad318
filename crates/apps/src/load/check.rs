//! Checks that look at all objects at once.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::manifest::Manifest;
use crate::{Object, ObjectId, Origin, Problem, ProblemKind, kinds};

/// Gives namespaced objects their namespace and takes it from those of the whole cluster. Kinds
/// that neither Kubernetes nor the suite's own CRDs know count as namespaced until the cluster says
/// otherwise.
pub(super) fn scopes(manifests: &mut [Manifest], default: Option<&str>) {
    let cluster_wide: BTreeSet<(String, String)> = manifests
        .iter()
        .filter(|m| m.object.id.kind == "CustomResourceDefinition")
        .filter(|m| m.object.value.pointer("/spec/scope") == Some(&json!("Cluster")))
        .filter_map(|m| {
            let text = |path| m.object.value.pointer(path).and_then(Value::as_str);
            Some((text("/spec/group")?.to_owned(), text("/spec/names/kind")?.to_owned()))
        })
        .collect();
    for manifest in manifests {
        let id = &mut manifest.object.id;
        let is_cluster_wide = kinds::is_cluster_scoped(&id.group, &id.kind)
            || cluster_wide.contains(&(id.group.clone(), id.kind.clone()));
        let Some(Value::Object(metadata)) = manifest.object.value.get_mut("metadata") else {
            continue;
        };
        if is_cluster_wide {
            id.namespace = None;
            metadata.remove("namespace");
        } else if id.namespace.is_none() {
            let namespace = default.unwrap_or("default").to_owned();
            metadata.insert("namespace".to_owned(), json!(namespace));
            id.namespace = Some(namespace);
        }
    }
}

/// Finds objects that are declared twice.
pub(super) fn duplicates(manifests: &[Manifest], problems: &mut Vec<Problem>) {
    let mut first: BTreeMap<&ObjectId, &Origin> = BTreeMap::new();
    for Manifest { object, .. } in manifests {
        if let Some(earlier) = first.insert(&object.id, &object.origin) {
            let message = format!("{} is declared twice; the other one is at {earlier}", object.id);
            let problem = Problem::new(ProblemKind::Duplicate, object.origin.clone(), message);
            problems.push(problem.hint("remove one of them or give it another name"));
        }
    }
}

/// The largest object that etcd takes, in bytes (its default, `--max-request-bytes`).
const OBJECT_MAX: usize = 1_572_864;
/// The most data that a ConfigMap or Secret may have, in bytes (`MaxSecretSize` of the Kubernetes API).
const DATA_MAX: usize = 1_048_576;

/// Finds objects that are too large for any API server, before anything is sent.
pub(super) fn sizes(objects: &[Object], problems: &mut Vec<Problem>) {
    for object in objects {
        let whole = object.value.to_string().len();
        let data = match object.id.kind.as_str() {
            "ConfigMap" | "Secret" if object.id.group.is_empty() => data_bytes(&object.value),
            _ => 0,
        };
        let message = if data > DATA_MAX {
            format!("{}: its data has {data} bytes; {DATA_MAX} are allowed", object.id)
        } else if whole > OBJECT_MAX {
            format!("{}: the object has {whole} bytes; {OBJECT_MAX} are allowed", object.id)
        } else {
            continue;
        };
        let problem = Problem::new(ProblemKind::TooLarge, object.origin.clone(), message);
        problems.push(problem.hint("split it, or keep the data elsewhere (an image, a volume)"));
    }
}

fn data_bytes(object: &Value) -> usize {
    let of = |field: &str, bytes: fn(&str) -> usize| {
        let entries = object.get(field).and_then(Value::as_object).into_iter().flatten();
        entries.map(|(key, value)| key.len() + value.as_str().map_or(0, bytes)).sum::<usize>()
    };
    let decoded = |text: &str| text.len() / 4 * 3;
    if object["kind"] == "Secret" {
        of("data", decoded)
    } else {
        of("data", str::len) + of("binaryData", decoded)
    }
}

/// Finds secret variables outside of Secrets.
pub(super) fn leaks(manifests: &[Manifest], problems: &mut Vec<Problem>) {
    for Manifest { object, secrets, .. } in manifests {
        for (name, line) in secrets.iter().filter(|_| !object.id.is_secret()) {
            let origin = Origin::new(&object.origin.file, *line);
            let message =
                format!("{}: ${{{name}}} is secret and may only stand in a Secret", object.id);
            let problem = Problem::new(ProblemKind::SecretLeak, origin, message);
            problems.push(problem.hint("put it into a Secret and refer to that by secretKeyRef"));
        }
    }
}

/// Lists the namespaces that the suite declares.
pub(super) fn declared_namespaces(manifests: &[Manifest]) -> Vec<String> {
    let is_namespace =
        |m: &&Manifest| m.object.id.kind == "Namespace" && m.object.id.group.is_empty();
    manifests.iter().filter(is_namespace).map(|m| m.object.id.name.clone()).collect()
}

/// Namespaces that objects are in and no manifest declares, but for those that every cluster has.
pub(super) fn undeclared_namespaces(manifests: &[Manifest]) -> BTreeMap<String, Origin> {
    let declared = declared_namespaces(manifests);
    let mut missing = BTreeMap::new();
    for Manifest { object, .. } in manifests {
        if let Some(namespace) = &object.id.namespace
            && !declared.contains(namespace)
            && !kinds::is_given_namespace(namespace)
        {
            missing.entry(namespace.clone()).or_insert_with(|| object.origin.clone());
        }
    }
    missing
}
