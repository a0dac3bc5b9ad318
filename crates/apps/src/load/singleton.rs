//! What must never run twice on its volume, as far as the manifests tell.

use std::collections::BTreeMap;

use serde_json::Value;

use super::manifest::Manifest;
use crate::{Problem, ProblemKind, SINGLE_ANNOTATION, kinds};

/// Checks everything with the annotation `infra.dev/single: "true"`.
pub(super) fn check(manifests: &[Manifest], problems: &mut Vec<Problem>) {
    let mut users: BTreeMap<(Option<&str>, &str), Vec<&Manifest>> = BTreeMap::new();
    for manifest in manifests {
        for claim in kinds::claims(&manifest.object.value) {
            let place = (manifest.object.id.namespace.as_deref(), claim);
            users.entry(place).or_default().push(manifest);
        }
    }
    for Manifest { object, .. } in manifests {
        if object.annotation(SINGLE_ANNOTATION) != Some("true") {
            continue;
        }
        let mut wrong = |message: String, hint: &str| {
            let message = format!("{}: {message}", object.id);
            problems
                .push(Problem::new(ProblemKind::Single, object.origin.clone(), message).hint(hint));
        };
        let replicas = object.value.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(1);
        let text = |path| object.value.pointer(path).and_then(Value::as_str);
        match object.id.kind.as_str() {
            "Pod" => {}
            "Deployment" | "StatefulSet" if replicas > 1 => wrong(
                format!("it is marked as single and has {replicas} replicas"),
                "set replicas: 1",
            ),
            "Deployment" if text("/spec/strategy/type") != Some("Recreate") => wrong(
                "it is marked as single, and a rolling update would start a second pod".to_owned(),
                "set spec.strategy.type: Recreate",
            ),
            "Deployment" | "StatefulSet" => {}
            kind => wrong(
                format!("a {kind} cannot be single"),
                "use a Pod, a StatefulSet, or a Deployment with the strategy Recreate",
            ),
        }
        for claim in kinds::claims(&object.value) {
            let place = (object.id.namespace.as_deref(), claim);
            let others = users.get(&place).into_iter().flatten();
            for other in others.filter(|other| other.object.id != object.id) {
                wrong(
                    format!(
                        "it is marked as single, and {} uses its claim {claim}, too",
                        other.object.id
                    ),
                    "give the other one a claim of its own",
                );
            }
        }
    }
}
