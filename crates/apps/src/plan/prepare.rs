//! What plan and apply find out before they touch anything.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::single;
use crate::{
    AppsError, Inventory, KubeClient, Object, ObjectId, Problem, ProblemKind, SUITE_ANNOTATION,
    Suite, Target, client::live_objects, kinds,
};

/// A suite matched with a cluster.
pub(crate) struct Prepared {
    /// In the suite's order.
    pub(crate) objects: Vec<Object>,
    pub(crate) targets: Vec<Target>,
    /// What is there: of the suite, of its inventory, and the namespaces.
    pub(crate) live: BTreeMap<ObjectId, Value>,
    /// What is in the inventory and no longer in the suite.
    pub(crate) left: Vec<(ObjectId, Target)>,
    /// What must not be sent, and why.
    pub(crate) refusals: BTreeMap<ObjectId, String>,
}

impl Prepared {
    /// Returns true if a dry run makes sense, because kind and namespace exist.
    pub(crate) fn can_be_tried(&self, place: usize) -> bool {
        let namespace = self.objects[place].id.namespace.as_deref();
        !self.targets[place].to_come
            && namespace.is_none_or(|n| {
                kinds::is_given_namespace(n) || self.live.contains_key(&namespace_id(n))
            })
    }

    /// Returns the suite that a live object belongs to, if it is another than `suite`.
    pub(crate) fn other_suite(&self, id: &ObjectId, suite: &str) -> Option<&str> {
        let owner =
            self.live.get(id)?.get("metadata")?.get("annotations")?.get(SUITE_ANNOTATION)?.as_str();
        owner.filter(|owner| *owner != suite)
    }
}

/// Resolves all kinds and reads what is there.
///
/// # Errors
/// Returns [`AppsError::Manifests`] if the cluster does not know a kind, or if a namespace is
/// nowhere.
pub(crate) async fn prepare(
    client: &KubeClient,
    suite: &Suite,
    inventory: Option<&Inventory>,
) -> Result<Prepared, AppsError> {
    let catalog = client.catalog().await?.with_definitions(suite.objects());
    let targets = catalog.targets(suite.objects()).map_err(AppsError::Manifests)?;
    let mut objects = suite.objects().to_vec();
    for (object, target) in objects.iter_mut().zip(&targets) {
        if !target.namespaced && object.id.namespace.take().is_some() {
            // A kind that only the cluster could tell to be in no namespace.
            if let Some(Value::Object(metadata)) = object.value.get_mut("metadata") {
                metadata.remove("namespace");
            }
        }
    }
    let declared: BTreeSet<&ObjectId> = objects.iter().map(|o| &o.id).collect();
    let recorded = inventory.iter().flat_map(|i| &i.objects).filter(|id| !declared.contains(id));
    let left: Vec<(ObjectId, Target)> = recorded
        .filter_map(|id| Some((id.clone(), catalog.preferred(&id.group, &id.kind)?.clone())))
        .collect();

    let mut wanted: Vec<(ObjectId, Target)> =
        objects.iter().map(|o| o.id.clone()).zip(targets.iter().cloned()).collect();
    wanted.extend(left.iter().cloned());
    if let Some(namespace) = catalog.resolve("v1", "Namespace") {
        let ids = namespaces(&objects).into_keys().filter(|id| !declared.contains(id));
        wanted.extend(ids.map(|id| (id, namespace.clone())));
    }
    let live = live_objects(client, &wanted).await?;
    check_namespaces(&objects, &live, suite.ensured_namespaces())?;
    let refusals = single::refusals(client, &objects, &live).await?;
    Ok(Prepared { objects, targets, live, left, refusals })
}

pub(crate) fn namespace_id(name: &str) -> ObjectId {
    ObjectId {
        group: String::new(),
        kind: "Namespace".to_owned(),
        namespace: None,
        name: name.to_owned(),
    }
}

/// Returns the namespaces that objects are in, each with one of the objects.
fn namespaces(objects: &[Object]) -> BTreeMap<ObjectId, &Object> {
    let named = |object: &'_ Object| object.id.namespace.as_deref().map(namespace_id);
    objects.iter().filter_map(|object| Some((named(object)?, object))).collect()
}

fn check_namespaces(
    objects: &[Object],
    live: &BTreeMap<ObjectId, Value>,
    ensured: &BTreeSet<String>,
) -> Result<(), AppsError> {
    let declared: BTreeSet<&ObjectId> = objects.iter().map(|o| &o.id).collect();
    let mut problems = Vec::new();
    for (namespace, object) in namespaces(objects) {
        let problem =
            |message: String| Problem::new(ProblemKind::Namespace, object.origin.clone(), message);
        match live.get(&namespace) {
            Some(there) if there.pointer("/metadata/deletionTimestamp").is_some() => problems.push(
                problem(format!(
                    "{}: the namespace {} is being deleted",
                    object.id, namespace.name
                ))
                .hint("apply again when it is gone"),
            ),
            None if !declared.contains(&namespace)
                && !ensured.contains(&namespace.name)
                && !kinds::is_given_namespace(&namespace.name) =>
            {
                problems.push(
                    problem(format!("{}: there is no namespace {}", object.id, namespace.name))
                        .hint(format!("add a manifest for Namespace {}", namespace.name)),
                );
            }
            _ => {}
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(AppsError::Manifests(problems)) }
}
