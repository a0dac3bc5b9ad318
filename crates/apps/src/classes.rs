//! Ingresses that the ingress addon would not serve as they are written.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{AppsError, Object, Problem, ProblemKind, Suite, load::is_ingress};

/// The class of the ingress addon.
pub const ADDON_CLASS: &str = "traefik";
/// Annotations of the ingress controller that this program installed before.
const OTHER_WORDS: &str = "nginx.ingress.kubernetes.io/";

/// Checks that each Ingress of `suite` has a class that is served: the addon's, one that the suite
/// itself declares, or one of `others`. An Ingress of the addon's class must not have annotations of
/// another controller: Traefik ignores them, and some of them keep strangers out.
///
/// # Errors
/// Returns [`AppsError::Manifests`] with every Ingress that is wrong.
pub fn check_classes(suite: &Suite, others: &[String]) -> Result<(), AppsError> {
    let is_class = |object: &&Object| {
        object.id.group == "networking.k8s.io" && object.id.kind == "IngressClass"
    };
    let mut served: BTreeSet<&str> =
        suite.objects().iter().filter(is_class).map(|object| object.id.name.as_str()).collect();
    served.extend(others.iter().map(String::as_str));
    let mut problems = Vec::new();
    for object in suite.objects().iter().filter(|object| is_ingress(&object.id)) {
        let class = object
            .value
            .pointer("/spec/ingressClassName")
            .and_then(Value::as_str)
            .or_else(|| object.annotation("kubernetes.io/ingress.class"))
            .unwrap_or(ADDON_CLASS);
        if class == ADDON_CLASS {
            problems.extend(of_another(object));
            continue;
        }
        if served.contains(class) {
            continue;
        }
        let message = format!(
            "{}: nothing serves the ingress class {class}; that of the ingress addon is {ADDON_CLASS}",
            object.id
        );
        problems.push(
            Problem::new(ProblemKind::IngressClass, object.origin.clone(), message).hint(format!(
                "write ingressClassName: {ADDON_CLASS}, or add {class:?} to [apps.ingress] \
                 other_classes if another controller serves it"
            )),
        );
    }
    if problems.is_empty() { Ok(()) } else { Err(AppsError::Manifests(problems)) }
}

fn of_another(object: &Object) -> Option<Problem> {
    let annotations = object.value.pointer("/metadata/annotations")?.as_object()?;
    let word = annotations.keys().find(|key| key.starts_with(OTHER_WORDS))?;
    let message = format!("{}: the annotation {word} does nothing with Traefik", object.id);
    Some(
        Problem::new(ProblemKind::IngressClass, object.origin.clone(), message)
            .hint("remove it, or replace it with Traefik's own (docs/design/ingress.md)"),
    )
}
