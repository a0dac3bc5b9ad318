//! Reads base and overlay, merges, adds Secrets, checks.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use serde_json::{Value, json};

use super::{
    check,
    document::{Document, documents},
    files, hashed, images, ingresses, kustomize, merge, secrets, single,
    source::SuiteSource,
    variables::{Marks, Variables},
};
use crate::apps::{AppsError, Object, ObjectId, Origin, Problem, ProblemKind};

/// An object with what is needed to point at its lines.
pub(crate) struct Manifest {
    pub(crate) object: Object,
    /// `image:` lines; an overlay's come first.
    pub(super) images: Vec<(Origin, String)>,
    /// Secret variables in it.
    pub(super) secrets: Vec<(String, usize)>,
}

/// The objects of a source, and the given variables that none of them uses.
pub(crate) struct Loaded {
    pub(crate) objects: Vec<Object>,
    pub(crate) unused: Vec<String>,
}

/// Loads and checks all of `source`.
///
/// # Errors
/// [`AppsError::Manifests`] with all that is wrong, [`AppsError::File`].
pub(crate) fn load(source: &SuiteSource) -> Result<Loaded, AppsError> {
    let mut problems = Vec::new();
    let exported = exported(source, &mut problems);
    let source = &SuiteSource { secret_variables: exported, ..source.clone() };
    let mut used = BTreeSet::new();
    let is_whole = |overlay: &&PathBuf| kustomize::file_of(overlay).is_some();
    let (mut manifests, overlay) = match &source.overlay {
        // A kustomization names its base itself.
        Some(overlay) if is_whole(&overlay) => {
            (folder(overlay, source, &mut used, &mut problems)?, Vec::new())
        }
        overlay => {
            let base = folder(&source.base, source, &mut used, &mut problems)?;
            let over = overlay.as_ref();
            let over = over.map(|over| folder(over, source, &mut used, &mut problems));
            (base, over.transpose()?.unwrap_or_default())
        }
    };
    if manifests.is_empty() && overlay.is_empty() && problems.is_empty() {
        let message = "there are no manifests (.yaml, .yml, .json) here";
        problems.push(Problem::new(
            ProblemKind::MissingField,
            Origin::new(&source.base, 0),
            message,
        ));
    }
    check::scopes(&mut manifests, source.namespace.as_deref());
    check::duplicates(&manifests, &mut problems);
    over(&mut manifests, overlay, source, &mut problems);
    finish(manifests, source, used, problems)
}

/// The secret variables of a source together with those that are exported to it.
fn exported(source: &SuiteSource, problems: &mut Vec<Problem>) -> BTreeMap<String, SecretString> {
    let mut secret = source.secret_variables.clone();
    for name in &source.exported {
        match std::env::var(name).ok().filter(|value| !value.is_empty()) {
            Some(value) => {
                secret.insert(name.clone(), SecretString::from(value));
            }
            None if source.exported_optional => {
                secret.insert(name.clone(), SecretString::from("not-exported"));
            }
            None => problems.push(
                Problem::new(
                    ProblemKind::UndefinedVariable,
                    None,
                    format!("the environment variable {name} must be set, and is not"),
                )
                .hint(format!("export {name}=… (infra.toml: [apps] exported)")),
            ),
        }
    }
    secret
}

/// The manifests of one text, for suites that are part of the program.
pub(crate) fn read(
    file: &Path,
    text: &str,
    variables: &Variables<'_>,
    used: &mut BTreeSet<String>,
    problems: &mut Vec<Problem>,
) -> Vec<Manifest> {
    let (marked, marks) = Marks::mark(&files::normalised(text), variables);
    let found = documents(file, &marked, &marks, problems);
    used.extend(marks.used());
    found.into_iter().flat_map(|document| manifests_of(document, problems)).collect()
}

/// The manifests of one text in which nothing is a variable.
fn as_it_is(file: &Path, text: &str, problems: &mut Vec<Problem>) -> Vec<Manifest> {
    let (text, marks) = Marks::none(&files::normalised(text));
    let found = documents(file, &text, &marks, problems);
    found.into_iter().flat_map(|document| manifests_of(document, problems)).collect()
}

/// The objects of a folder that a render has written, as they are.
///
/// # Errors
/// [`AppsError::Manifests`], [`AppsError::File`].
pub(crate) fn rendered_objects(root: &Path) -> Result<Vec<Object>, AppsError> {
    let mut problems = Vec::new();
    let mut objects = Vec::new();
    for file in files::manifests(root)? {
        // Nothing in a render is a variable any more.
        objects.extend(as_it_is(&file, &files::text(&file)?, &mut problems));
    }
    if problems.is_empty() {
        Ok(objects.into_iter().map(|manifest| manifest.object).collect())
    } else {
        Err(AppsError::Manifests(problems))
    }
}

/// Adds the Secrets, checks all, gives the objects sorted by id.
pub(crate) fn finish(
    mut manifests: Vec<Manifest>,
    source: &SuiteSource,
    used: BTreeSet<String>,
    mut problems: Vec<Problem>,
) -> Result<Loaded, AppsError> {
    let bare = |object: Object| Manifest { object, images: Vec::new(), secrets: Vec::new() };
    let declared = check::declared_namespaces(&manifests);
    for wanted in &source.env_secrets {
        let found = secrets::from_env(wanted, &declared, &mut problems);
        manifests.extend(found.into_iter().map(bare));
    }
    for wanted in &source.file_secrets {
        let found = secrets::from_files(wanted, &declared, &mut problems);
        manifests.extend(found.into_iter().map(bare));
    }
    for wanted in &source.docker_secrets {
        let found = secrets::from_docker(wanted, &declared, &mut problems);
        manifests.extend(found.into_iter().map(bare));
    }
    check::scopes(&mut manifests, source.namespace.as_deref());
    let found =
        ingresses::of_subdomains(&manifests, &source.variables, &source.ingress, &mut problems);
    let is_used = !found.is_empty();
    manifests.extend(found.into_iter().map(bare));
    check::duplicates(&manifests, &mut problems);
    single::check(&manifests, &mut problems);
    check::leaks(&manifests, &mut problems);
    for manifest in &manifests {
        let version = source.version.as_deref();
        images::check(&manifest.object, &manifest.images, &source.images, version, &mut problems);
    }
    if let Some(version) = source.version.as_deref().filter(|v| !images::is_semantic(v))
        && !source.images.versioned.is_empty()
    {
        let message = format!("the version {version:?} is no semantic version");
        let problem = Problem::new(ProblemKind::Version, None, message);
        problems.push(problem.hint("write MAJOR.MINOR.PATCH, such as 1.4.0 (semver.org)"));
    }
    if source.create_namespaces {
        let missing = check::undeclared_namespaces(&manifests);
        manifests.extend(missing.into_iter().map(|(name, origin)| bare(namespace(&name, origin))));
    }
    if !problems.is_empty() {
        problems.sort_by(|a, b| a.origin.cmp(&b.origin));
        problems.dedup();
        return Err(AppsError::Manifests(problems));
    }
    let mut objects: Vec<Object> = manifests.into_iter().map(|m| m.object).collect();
    objects.iter_mut().for_each(secrets::fold_string_data);
    check::sizes(&objects, &mut problems);
    if !problems.is_empty() {
        return Err(AppsError::Manifests(problems));
    }
    hashed::rename(&mut objects);
    objects.sort_by(|a, b| a.id.cmp(&b.id));
    let given = source.variables.keys().chain(source.secret_variables.keys());
    let is_unused = |name: &&String| !(used.contains(*name) || is_used && *name == "DOMAIN");
    let unused = given.filter(is_unused).cloned().collect();
    Ok(Loaded { objects, unused })
}

fn folder(
    root: &Path,
    source: &SuiteSource,
    used: &mut BTreeSet<String>,
    problems: &mut Vec<Problem>,
) -> Result<Vec<Manifest>, AppsError> {
    let variables = Variables { plain: &source.variables, secret: &source.secret_variables };
    let is_verbatim = |file: &Path| {
        let file = file.strip_prefix(root).unwrap_or(file);
        let mut verbatim = source.verbatim.iter();
        verbatim.any(|path| path.as_os_str() == "." || file.starts_with(path))
    };
    let mut text_of = |file: &Path, text: &str, problems: &mut Vec<Problem>| {
        if is_verbatim(file) {
            return as_it_is(file, text, problems);
        }
        read(file, text, &variables, used, problems)
    };
    if let Some(file) = kustomize::file_of(root) {
        return Ok(match kustomize::build(root, &file) {
            Ok(text) => text_of(&file, &text, problems),
            Err(problem) => {
                problems.push(problem);
                Vec::new()
            }
        });
    }
    let mut found = Vec::new();
    for file in files::manifests(root)? {
        if file.file_stem().is_some_and(|stem| stem == "kustomization") {
            problems.push(
                Problem::new(
                    ProblemKind::Unsupported,
                    Origin::new(&file, 0),
                    "a kustomization is read only at the top of base or overlay",
                )
                .hint("point base or overlay at this folder, or remove this file"),
            );
            continue;
        }
        found.extend(text_of(&file, &files::text(&file)?, problems));
    }
    Ok(found)
}

/// The objects of a document: itself, or the items of a List.
fn manifests_of(document: Document, problems: &mut Vec<Problem>) -> Vec<Manifest> {
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

/// Merges the overlay over the base; what the base lacks is added.
fn over(
    manifests: &mut Vec<Manifest>,
    overlay: Vec<Manifest>,
    source: &SuiteSource,
    problems: &mut Vec<Problem>,
) {
    let mut fresh: Vec<Manifest> = Vec::new();
    for mut change in overlay {
        let id = change.object.id.clone();
        let same_name = |m: &Manifest| {
            let other = &m.object.id;
            (&other.group, &other.kind, &other.name) == (&id.group, &id.kind, &id.name)
        };
        let exact = manifests.iter().position(|m| m.object.id == id);
        let by_name: Vec<usize> =
            (0..manifests.len()).filter(|&at| same_name(&manifests[at])).collect();
        let place = match (&id.namespace, &by_name[..]) {
            (_, _) if exact.is_some() => exact,
            (None, &[only]) => Some(only),
            _ => None,
        };
        match place {
            Some(at) => {
                let base = &mut manifests[at];
                let namespace = base.object.id.namespace.clone();
                merge::merge(&mut base.object.value, &change.object.value);
                if let Some(namespace) = namespace {
                    base.object.value["metadata"]["namespace"] = json!(namespace);
                }
                change.images.append(&mut base.images);
                base.images = change.images;
                base.secrets.append(&mut change.secrets);
                base.object.api_version = change.object.api_version;
            }
            None => fresh.push(change),
        }
    }
    check::scopes(&mut fresh, source.namespace.as_deref());
    check::duplicates(&fresh, problems);
    manifests.extend(fresh);
}

fn namespace(name: &str, origin: Origin) -> Object {
    Object {
        id: ObjectId {
            group: String::new(),
            kind: "Namespace".to_owned(),
            namespace: None,
            name: name.to_owned(),
        },
        api_version: "v1".to_owned(),
        value: json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } }),
        origin,
    }
}
