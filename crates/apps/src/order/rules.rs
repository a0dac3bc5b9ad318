//! The rules of the order.

use std::collections::BTreeMap;

use serde_json::Value;

use super::graph::{Need, Order, places};
use crate::{
    AppsError, DEPENDS_ON_ANNOTATION, Object, ObjectId, Problem, ProblemKind,
    kinds::{Class, class},
};

/// Adds an edge for each rule.
pub(super) fn add(order: &mut Order, objects: &[Object]) -> Result<(), AppsError> {
    let classes: Vec<Class> = objects.iter().map(|o| class(&o.id)).collect();
    namespaces(order, objects, &classes);
    definitions(order, objects, &classes);
    bindings(order, objects);
    workloads(order, objects, &classes);
    hooks(order, objects, &classes);
    depends_on(order, objects)
}

/// Puts a Namespace before its content.
fn namespaces(order: &mut Order, objects: &[Object], classes: &[Class]) {
    let declared: BTreeMap<&str, usize> = (0..objects.len())
        .filter(|&at| classes[at] == Class::Namespace)
        .map(|at| (objects[at].id.name.as_str(), at))
        .collect();
    for (place, object) in objects.iter().enumerate() {
        let namespace = object.id.namespace.as_deref().and_then(|n| declared.get(n));
        if let Some(&namespace) = namespace {
            order.add(namespace, place, Need::Ready);
        }
    }
}

/// Puts a CustomResourceDefinition, established, before its objects.
fn definitions(order: &mut Order, objects: &[Object], classes: &[Class]) {
    let mut defined: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for (place, object) in
        objects.iter().enumerate().filter(|(p, _)| classes[*p] == Class::Definition)
    {
        let text = |path| object.value.pointer(path).and_then(Value::as_str);
        if let (Some(group), Some(kind)) = (text("/spec/group"), text("/spec/names/kind")) {
            defined.insert((group, kind), place);
        }
    }
    for (place, object) in objects.iter().enumerate() {
        if let Some(&definition) = defined.get(&(object.id.group.as_str(), object.id.kind.as_str()))
        {
            order.add(definition, place, Need::Ready);
        }
    }
}

/// Puts a role before the bindings that name it.
fn bindings(order: &mut Order, objects: &[Object]) {
    let places = places(objects);
    for (place, object) in objects.iter().enumerate() {
        let text = |path| object.value.pointer(path).and_then(Value::as_str);
        let (Some(kind), Some(name)) = (text("/roleRef/kind"), text("/roleRef/name")) else {
            continue;
        };
        let role = ObjectId {
            group: object.id.group.clone(),
            kind: kind.to_owned(),
            namespace: if kind == "Role" { object.id.namespace.clone() } else { None },
            name: name.to_owned(),
        };
        if let Some(&role) = places.get(&role) {
            order.add(role, place, Need::Applied);
        }
    }
}

/// Puts what pods refer to before what runs pods: first for the whole cluster, then for each
/// namespace.
fn workloads(order: &mut Order, objects: &[Object], classes: &[Class]) {
    let cluster = order.gate("what belongs to the whole cluster");
    let mut gates: BTreeMap<&str, usize> = BTreeMap::new();
    for (place, object) in objects.iter().enumerate() {
        let gate = match &object.id.namespace {
            None => cluster,
            Some(namespace) => *gates
                .entry(namespace)
                .or_insert_with(|| order.gate(format!("configuration of {namespace}"))),
        };
        match classes[place] {
            Class::ClusterBase | Class::Role | Class::Binding | Class::Config => {
                order.add(place, gate, Need::Applied);
            }
            Class::Claim => {
                order.add(cluster, place, Need::Applied);
                order.add(place, gate, Need::Applied);
            }
            Class::Workload => {
                order.add(cluster, place, Need::Applied);
                order.add(gate, place, Need::Applied);
            }
            _ => {}
        }
    }
}

/// Webhooks and APIServices after the pods that answer them are ready.
fn hooks(order: &mut Order, objects: &[Object], classes: &[Class]) {
    for (place, object) in objects.iter().enumerate().filter(|(p, _)| classes[*p] == Class::Hook) {
        for namespace in serving_namespaces(&object.value) {
            for (earlier, other) in objects.iter().enumerate() {
                if classes[earlier] == Class::Workload
                    && other.id.namespace.as_deref() == Some(namespace)
                {
                    order.add(earlier, place, Need::Ready);
                }
            }
        }
    }
}

fn serving_namespaces(hook: &Value) -> Vec<&str> {
    let webhooks = hook.get("webhooks").and_then(Value::as_array).into_iter().flatten();
    let of_webhooks = webhooks.filter_map(|w| w.pointer("/clientConfig/service/namespace"));
    let of_service = hook.pointer("/spec/service/namespace");
    of_webhooks.chain(of_service).filter_map(Value::as_str).collect()
}

/// Makes an object wait until those in its `infra.dev/depends-on` are ready.
fn depends_on(order: &mut Order, objects: &[Object]) -> Result<(), AppsError> {
    let mut problems = Vec::new();
    everything_else(order, objects);
    for (place, object) in objects.iter().enumerate() {
        let Some(names) = object.annotation(DEPENDS_ON_ANNOTATION) else { continue };
        for name in names.split(',').map(str::trim).filter(|n| !n.is_empty() && *n != "*") {
            match named(name, object, objects)[..] {
                [earlier] => order.add_dependency(earlier, place, &mut problems, object),
                [] => problems.push(
                    Problem::new(
                        ProblemKind::Dependency,
                        object.origin.clone(),
                        format!("{}: depends on {name}, which is not in the suite", object.id),
                    )
                    .hint(nearest(name, object, objects)),
                ),
                _ => problems.push(Problem::new(
                    ProblemKind::Dependency,
                    object.origin.clone(),
                    format!("{}: depends on {name}, which names several objects", object.id),
                )),
            }
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(AppsError::Manifests(problems)) }
}

/// Puts objects with `infra.dev/depends-on: "*"` after everything that does not say so itself.
fn everything_else(order: &mut Order, objects: &[Object]) {
    let is_last = |object: &Object| {
        let names = object.annotation(DEPENDS_ON_ANNOTATION).unwrap_or_default();
        names.split(',').any(|name| name.trim() == "*")
    };
    if !objects.iter().any(is_last) {
        return;
    }
    let gate = order.gate("everything else");
    for (place, object) in objects.iter().enumerate() {
        if is_last(object) {
            order.add(gate, place, Need::Ready);
        } else {
            order.add(place, gate, Need::Ready);
        }
    }
}

impl Order {
    fn add_dependency(
        &mut self,
        earlier: usize,
        place: usize,
        problems: &mut Vec<Problem>,
        object: &Object,
    ) {
        if earlier == place {
            problems.push(Problem::new(
                ProblemKind::Dependency,
                object.origin.clone(),
                format!("{}: depends on itself", object.id),
            ));
        } else {
            self.add(earlier, place, Need::Ready);
        }
    }
}

/// Finds the places of `Kind/namespace/name`, or of `Kind/name` in the namespace of `from` or in
/// none.
fn named(name: &str, from: &Object, objects: &[Object]) -> Vec<usize> {
    let is_short = name.matches('/').count() == 1;
    let is_meant = |object: &Object| {
        object.id.is_named(name)
            && (!is_short
                || object.id.namespace.is_none()
                || object.id.namespace == from.id.namespace)
    };
    (0..objects.len()).filter(|&place| is_meant(&objects[place])).collect()
}

fn nearest(name: &str, from: &Object, objects: &[Object]) -> String {
    let others = objects.iter().filter(|object| object.id != from.id);
    let names = |object: &Object| {
        let short = format!("{}/{}", object.id.kind, object.id.name);
        [short, object.id.to_string()].map(|name| (name, object.id.to_string()))
    };
    let names: BTreeMap<String, String> = others.flat_map(names).collect();
    match infra_provider_api::nearest(name, names.keys().map(String::as_str)) {
        Some(near) => format!("write Kind/namespace/name; the nearest is {}", names[near]),
        None => "write Kind/namespace/name".to_owned(),
    }
}
