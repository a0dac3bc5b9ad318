//! Which namespaces have Ingresses, read without anything that only an apply needs.

use std::{collections::BTreeSet, path::PathBuf};

use super::{
    check, kustomize,
    manifests::{exported, folder},
    source::SuiteSource,
};
use crate::{AppsError, ObjectId, Problem, ProblemKind, SUBDOMAIN_ANNOTATION};

/// Reads the namespaces in which `source` has Ingresses, or Services that get one. Variables without a
/// value and Secrets that are not here do not matter, unless a namespace depends on them.
///
/// # Errors
/// Returns [`AppsError::Manifests`] when a manifest cannot be read or a namespace is not known.
pub fn ingress_namespaces(source: &SuiteSource) -> Result<BTreeSet<String>, AppsError> {
    let (mut problems, mut notes) = (Vec::new(), Vec::new());
    let mut source = SuiteSource { exported_optional: true, ..source.clone() };
    source.secret_variables = exported(&source, &mut problems);
    let mut used = BTreeSet::new();
    let is_whole = |overlay: &&PathBuf| kustomize::file_of(overlay).is_some();
    let mut manifests = Vec::new();
    if source.overlay.as_ref().filter(is_whole).is_none() {
        manifests.extend(folder(&source.base, &source, &mut used, &mut notes, &mut problems)?);
    }
    if let Some(overlay) = &source.overlay {
        manifests.extend(folder(overlay, &source, &mut used, &mut notes, &mut problems)?);
    }
    problems.retain(|problem| problem.kind != ProblemKind::UndefinedVariable);
    check::scopes(&mut manifests, source.namespace.as_deref());
    let mut namespaces = BTreeSet::new();
    for manifest in &manifests {
        let object = &manifest.object;
        if !is_ingress(&object.id) && object.annotation(SUBDOMAIN_ANNOTATION).is_none() {
            continue;
        }
        let Some(namespace) = &object.id.namespace else { continue };
        if namespace.contains('$') {
            let message = format!("{}: its namespace has a variable without a value", object.id);
            problems.push(
                Problem::new(ProblemKind::UndefinedVariable, object.origin.clone(), message)
                    .hint("add it to [apps] variables: the ingress controller gets rights there"),
            );
        }
        namespaces.insert(namespace.clone());
    }
    if problems.is_empty() { Ok(namespaces) } else { Err(AppsError::Manifests(problems)) }
}

/// Returns true for an Ingress.
pub(crate) fn is_ingress(id: &ObjectId) -> bool {
    id.group == "networking.k8s.io" && id.kind == "Ingress"
}
