//! An overlay over its base.

use serde_json::json;

use super::{check, manifest::Manifest, merge, source::SuiteSource};
use crate::Problem;

/// Merges the overlay over the base; what the base lacks is added.
pub(super) fn over(
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
