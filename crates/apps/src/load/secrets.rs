//! Secrets made from files, and Secrets made plain.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};

use super::{
    docker, dotenv, files,
    source::{DockerSecret, EnvSecret, FileSecret},
};
use crate::{AppsError, HASH_NAME_ANNOTATION, Object, ObjectId, Origin, Problem, ProblemKind};

/// Makes one Secret for each namespace from the allow-listed keys of a `.env` file.
pub(super) fn from_env(
    source: &EnvSecret,
    declared: &[String],
    problems: &mut Vec<Problem>,
) -> Vec<Object> {
    let Some(text) = text(&source.file, "copy the example and fill it in", problems) else {
        return Vec::new();
    };
    let values = match dotenv::parse(&source.file, &text) {
        Ok(values) => values,
        Err(found) => {
            problems.extend(found);
            return Vec::new();
        }
    };
    let mut data = Map::new();
    for key in &source.keys {
        match values.get(key) {
            Some(value) => {
                data.insert(key.clone(), Value::from(STANDARD.encode(value)));
            }
            None => problems.push(
                Problem::new(
                    ProblemKind::SecretFile,
                    Origin::new(&source.file, 0),
                    format!("{key} is missing; the Secret {} needs it", source.secret),
                )
                .hint(format!("add a line {key}=… to {}", source.file.display())),
            ),
        }
    }
    let data = Value::Object(data);
    let each = |ns: &String| {
        let made = secret(&source.secret, ns, "Opaque", data.clone(), &source.file);
        hashed(made, source.hashed)
    };
    or_declared(&source.namespaces, declared).iter().map(each).collect()
}

/// Makes one Secret for each namespace from files.
pub(super) fn from_files(
    source: &FileSecret,
    declared: &[String],
    problems: &mut Vec<Problem>,
) -> Vec<Object> {
    let mut data = Map::new();
    let mut origin = Path::new("infra.toml");
    for (key, file) in &source.files {
        match files::bytes(file) {
            Ok(bytes) => {
                origin = file;
                data.insert(key.clone(), Value::from(STANDARD.encode(bytes)));
            }
            Err(error) => problems.push(
                Problem::new(
                    ProblemKind::SecretFile,
                    Origin::new(file, 0),
                    format!("cannot be read: {error}; the Secret {} needs it", source.secret),
                )
                .hint("make the file, or take it out of [[apps.file_secret]]"),
            ),
        }
    }
    let kind = if source.secret_type.is_empty() { "Opaque" } else { &source.secret_type };
    let data = Value::Object(data);
    let each =
        |ns: &String| hashed(secret(&source.secret, ns, kind, data.clone(), origin), source.hashed);
    or_declared(&source.namespaces, declared).iter().map(each).collect()
}

fn hashed(mut object: Object, wanted: bool) -> Object {
    if wanted {
        object.value["metadata"]["annotations"] = json!({ HASH_NAME_ANNOTATION: "true" });
    }
    object
}

/// Makes one pull secret for each namespace from docker's `config.json`.
pub(super) fn from_docker(
    source: &DockerSecret,
    declared: &[String],
    problems: &mut Vec<Problem>,
) -> Vec<Object> {
    let Some(text) = text(&source.file, "log in with `docker login` first", problems) else {
        return Vec::new();
    };
    match docker::config(&source.file, &text, &source.registries) {
        Ok(config) => {
            let data = json!({ ".dockerconfigjson": STANDARD.encode(config) });
            let kind = "kubernetes.io/dockerconfigjson";
            let each = |ns: &String| secret(&source.secret, ns, kind, data.clone(), &source.file);
            or_declared(&source.namespaces, declared).iter().map(each).collect()
        }
        Err(found) => {
            problems.extend(found);
            Vec::new()
        }
    }
}

fn or_declared<'a>(named: &'a [String], declared: &'a [String]) -> &'a [String] {
    if named.is_empty() { declared } else { named }
}

fn text(file: &Path, hint: &str, problems: &mut Vec<Problem>) -> Option<String> {
    match files::text(file) {
        Ok(text) => Some(text),
        Err(AppsError::File { source, .. }) => {
            let origin = Origin::new(file, 0);
            problems.push(
                Problem::new(ProblemKind::SecretFile, origin, format!("cannot be read: {source}"))
                    .hint(hint),
            );
            None
        }
        Err(_) => None,
    }
}

fn secret(name: &str, namespace: &str, kind: &str, data: Value, file: &Path) -> Object {
    Object {
        id: ObjectId {
            group: String::new(),
            kind: "Secret".to_owned(),
            namespace: Some(namespace.to_owned()),
            name: name.to_owned(),
        },
        api_version: "v1".to_owned(),
        value: json!({
            "apiVersion": "v1", "kind": "Secret", "type": kind,
            "metadata": { "name": name, "namespace": namespace }, "data": data,
        }),
        origin: Origin::new(file, 0),
    }
}

/// Turns `stringData` into `data`: the API server would do so anyway, and a dry run of both shows a
/// difference each time.
pub(super) fn fold_string_data(object: &mut Object) {
    if !object.id.is_secret() {
        return;
    }
    let Some(fields) = object.value.as_object_mut() else { return };
    let Some(Value::Object(plain)) = fields.remove("stringData") else { return };
    let data = fields.entry("data").or_insert_with(|| json!({}));
    if let Some(data) = data.as_object_mut() {
        for (key, value) in plain {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            data.insert(key, Value::from(STANDARD.encode(text)));
        }
    }
}
