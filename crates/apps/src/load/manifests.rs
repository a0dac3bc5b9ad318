//! Reads base and overlay, merges, adds Secrets, checks.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use secrecy::SecretString;
use serde_json::json;

use super::{
    check,
    document::documents,
    files, hash_names, images, ingresses, kustomize,
    manifest::{Manifest, manifests_of},
    overlay, secrets, singleton,
    source::SuiteSource,
    variables::{Marks, Variables},
};
use crate::{AppsError, Object, ObjectId, Origin, Problem, ProblemKind};

/// The objects of a source, and the given variables that none of them uses.
pub(crate) struct Loaded {
    pub(crate) objects: Vec<Object>,
    pub(crate) unused: Vec<String>,
    /// What is worth saying of the files.
    pub(crate) notes: Vec<String>,
}

/// Loads and checks all of `source`.
///
/// # Errors
/// Returns [`AppsError::Manifests`] with all that is wrong, or [`AppsError::File`] if a file cannot
/// be read.
pub(crate) fn load(source: &SuiteSource) -> Result<Loaded, AppsError> {
    let mut problems = Vec::new();
    let exported = exported(source, &mut problems);
    let source = &SuiteSource { secret_variables: exported, ..source.clone() };
    let (mut used, mut notes) = (BTreeSet::new(), Vec::new());
    let is_whole = |overlay: &&PathBuf| kustomize::file_of(overlay).is_some();
    let (mut manifests, overlay) = match &source.overlay {
        // A kustomization names its base itself.
        Some(overlay) if is_whole(&overlay) => {
            (folder(overlay, source, &mut used, &mut notes, &mut problems)?, Vec::new())
        }
        overlay => {
            let base = folder(&source.base, source, &mut used, &mut notes, &mut problems)?;
            let over = overlay.as_ref();
            let over = over.map(|over| folder(over, source, &mut used, &mut notes, &mut problems));
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
    overlay::over(&mut manifests, overlay, source, &mut problems);
    let loaded = finish(manifests, source, used, problems)?;
    Ok(Loaded { notes, ..loaded })
}

/// Returns the secret variables of a source together with those that are exported to it.
pub(super) fn exported(
    source: &SuiteSource,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, SecretString> {
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

/// Reads the manifests of one text, for suites that are part of the program.
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

/// Reads the manifests of one text in which nothing is a variable.
fn as_it_is(file: &Path, text: &str, problems: &mut Vec<Problem>) -> Vec<Manifest> {
    let (text, marks) = Marks::none(&files::normalised(text));
    let found = documents(file, &text, &marks, problems);
    found.into_iter().flat_map(|document| manifests_of(document, problems)).collect()
}

/// Reads the objects of a folder that a render has written, as they are.
///
/// # Errors
/// Returns [`AppsError::Manifests`] if a manifest is invalid, and [`AppsError::File`] if one cannot
/// be read.
pub(crate) fn rendered_objects(root: &Path) -> Result<Vec<Object>, AppsError> {
    let mut problems = Vec::new();
    let mut objects = Vec::new();
    for file in files::manifests(root)?.paths {
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
    singleton::check(&manifests, &mut problems);
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
    hash_names::rename(&mut objects);
    objects.sort_by(|a, b| a.id.cmp(&b.id));
    let given = source.variables.keys().chain(source.secret_variables.keys());
    let is_unused = |name: &&String| !(used.contains(*name) || is_used && *name == "DOMAIN");
    let unused = given.filter(is_unused).cloned().collect();
    Ok(Loaded { objects, unused, notes: Vec::new() })
}

pub(super) fn folder(
    root: &Path,
    source: &SuiteSource,
    used: &mut BTreeSet<String>,
    notes: &mut Vec<String>,
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
        return Ok(match kustomize::build(root, &file, source) {
            Ok(text) => text_of(&file, &text, problems),
            Err(found) => {
                problems.extend(found);
                Vec::new()
            }
        });
    }
    let mut found = Vec::new();
    let all = files::manifests(root)?;
    problems.extend(all.loops.iter().map(files::Link::loops));
    notes.extend(all.outside.iter().map(files::Link::leads_out));
    for file in all.paths {
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
