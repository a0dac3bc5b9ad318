//! One document of a file, as an object.

use serde_json::Value;

use super::document::Document;
use crate::{Object, ObjectId, Origin, Problem, ProblemKind};

/// An object with what is needed to point at its lines.
pub(crate) struct Manifest {
    pub(crate) object: Object,
    /// `image:` lines; an overlay's come first.
    pub(super) images: Vec<(Origin, String)>,
    /// Secret variables in it.
    pub(super) secrets: Vec<(String, usize)>,
}

/// Returns the objects of a document: itself, or the items of a List.
pub(super) fn manifests_of(document: Document, problems: &mut Vec<Problem>) -> Vec<Manifest> {
    let kind = document.value.get("kind").and_then(Value::as_str).unwrap_or_default();
    let item_kind = kind.strip_suffix("List").map(str::to_owned);
    let (Some(item_kind), Some(items)) =
        (item_kind, document.value.get("items").and_then(Value::as_array))
    else {
        return manifest(&document, document.value.clone(), problems).into_iter().collect();
    };
    let api_version = document.value.get("apiVersion").cloned();
    let of_item = |mut item: Value| {
        if let Some(fields) = item.as_object_mut()
            && !item_kind.is_empty()
        {
            fields.entry("kind").or_insert_with(|| Value::from(item_kind.clone()));
            if let Some(version) = &api_version {
                fields.entry("apiVersion").or_insert_with(|| version.clone());
            }
        }
        manifest(&document, item, problems)
    };
    items.iter().cloned().filter_map(of_item).collect()
}

fn manifest(document: &Document, value: Value, problems: &mut Vec<Problem>) -> Option<Manifest> {
    let text = |path: &str| value.pointer(path).and_then(Value::as_str).filter(|s| !s.is_empty());
    let (kind, name) = (text("/kind"), text("/metadata/name"));
    let called = match (kind, name) {
        (Some(kind), Some(name)) => format!("{kind} {name}: "),
        (Some(kind), None) => format!("{kind}: "),
        _ => String::new(),
    };
    let mut missing = |kind, message: String, hint: &str| {
        problems.push(Problem::new(kind, document.origin.clone(), message).hint(hint));
    };
    if !value.is_object() {
        let hint = "an object is a mapping with apiVersion, kind and metadata";
        missing(ProblemKind::Yaml, "this is no Kubernetes object".to_owned(), hint);
        return None;
    }
    let generated = value.pointer("/metadata/generateName").is_some();
    match (text("/apiVersion"), kind, name) {
        (Some(api_version), Some(kind), Some(name)) => {
            let id = ObjectId {
                group: Object::group_of(api_version).to_owned(),
                kind: kind.to_owned(),
                namespace: text("/metadata/namespace").map(ToOwned::to_owned),
                name: name.to_owned(),
            };
            let api_version = api_version.to_owned();
            let file = &document.origin.file;
            let line = |(line, image): &(usize, String)| (Origin::new(file, *line), image.clone());
            let images = document.images.iter().map(line).collect();
            let object = Object { id, api_version, value, origin: document.origin.clone() };
            Some(Manifest { object, images, secrets: document.secrets.clone() })
        }
        (None, ..) => {
            let hint = "add apiVersion, such as v1 or apps/v1";
            missing(ProblemKind::MissingField, format!("{called}apiVersion is missing"), hint);
            None
        }
        (_, None, _) => {
            missing(ProblemKind::MissingField, format!("{called}kind is missing"), "add kind");
            None
        }
        (_, _, None) if generated => {
            let message = format!("{called}generateName makes a new object at each apply");
            missing(ProblemKind::Unsupported, message, "give it a metadata.name");
            None
        }
        _ => {
            let message = format!("{called}metadata.name is missing");
            missing(ProblemKind::MissingField, message, "give it a metadata.name");
            None
        }
    }
}
