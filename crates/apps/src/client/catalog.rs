//! Which kinds a cluster serves, and those that a suite brings along.

use std::collections::BTreeMap;

use kube::{
    core::ApiResource,
    discovery::{Discovery, Scope},
};
use serde_json::Value;

use crate::{Object, Problem, ProblemKind, kinds};

/// How to reach a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// Group, version, kind, plural.
    pub resource: ApiResource,
    /// Whether its objects are in namespaces.
    pub namespaced: bool,
    /// Whether a controller can write a status apart from the object's own fields.
    pub has_status: bool,
    /// Whether the cluster does not serve it yet: the suite's own CustomResourceDefinition will.
    pub to_come: bool,
}

/// The kinds of a cluster, by group and kind; the first version is the preferred one.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    kinds: BTreeMap<(String, String), Vec<Target>>,
}

impl Catalog {
    pub(super) fn of(discovery: &Discovery) -> Self {
        let mut catalog = Self::default();
        for group in discovery.groups() {
            let preferred = group.preferred_version_or_latest();
            let others = group.versions().filter(|v| *v != preferred);
            for version in std::iter::once(preferred).chain(others) {
                for (resource, capabilities) in group.versioned_resources(version) {
                    let namespaced = capabilities.scope == Scope::Namespaced;
                    let mut parts = capabilities.subresources.iter();
                    let has_status = parts.any(|(part, _)| part.plural == "status");
                    catalog.insert(Target { resource, namespaced, has_status, to_come: false });
                }
            }
        }
        catalog
    }

    fn insert(&mut self, target: Target) {
        let key = (target.resource.group.clone(), target.resource.kind.clone());
        let versions = self.kinds.entry(key).or_default();
        if versions.iter().all(|known| known.resource.version != target.resource.version) {
            versions.push(target);
        }
    }

    /// Returns a copy that also has the kinds that `objects` define.
    #[must_use]
    pub fn with_definitions(&self, objects: &[Object]) -> Self {
        let mut catalog = self.clone();
        for target in objects.iter().flat_map(defined) {
            catalog.insert(target);
        }
        catalog
    }

    /// Finds the kind at exactly this apiVersion.
    pub fn resolve(&self, api_version: &str, kind: &str) -> Option<&Target> {
        self.versions(Object::group_of(api_version), kind)
            .iter()
            .find(|target| target.resource.api_version == api_version)
    }

    /// Finds the kind at the preferred version.
    pub fn preferred(&self, group: &str, kind: &str) -> Option<&Target> {
        self.versions(group, kind).first()
    }

    fn versions(&self, group: &str, kind: &str) -> &[Target] {
        self.kinds.get(&(group.to_owned(), kind.to_owned())).map_or(&[], Vec::as_slice)
    }

    /// Returns the targets of `objects`, in their order.
    ///
    /// # Errors
    /// Returns a problem for each object whose kind is not served. It says where the kind is
    /// served, if anywhere.
    pub fn targets(&self, objects: &[Object]) -> Result<Vec<Target>, Vec<Problem>> {
        let mut targets = Vec::new();
        let mut problems = Vec::new();
        for object in objects {
            match self.resolve(&object.api_version, &object.id.kind) {
                Some(target) => targets.push(target.clone()),
                None => problems.push(self.unknown(object)),
            }
        }
        if problems.is_empty() { Ok(targets) } else { Err(problems) }
    }

    fn unknown(&self, object: &Object) -> Problem {
        let message = format!(
            "{}: the cluster knows no kind {} of {}",
            object.id, object.id.kind, object.api_version
        );
        let problem = Problem::new(ProblemKind::UnknownKind, object.origin.clone(), message);
        let same_kind: Vec<&str> = self
            .kinds
            .iter()
            .filter(|((_, kind), _)| *kind == object.id.kind)
            .flat_map(|(_, targets)| targets.iter().map(|t| t.resource.api_version.as_str()))
            .collect();
        if !same_kind.is_empty() {
            return problem.hint(format!(
                "{} is served as {}",
                object.id.kind,
                same_kind.join(", ")
            ));
        }
        let kinds = self.kinds.keys().map(|(_, kind)| kind.as_str());
        match infra_provider_api::nearest(&object.id.kind, kinds) {
            Some(kind) => problem.hint(format!("did you mean {kind}?")),
            None => problem.hint(
                "add its CustomResourceDefinition to the suite, or install what brings it first",
            ),
        }
    }
}

/// Returns the targets that a CustomResourceDefinition brings, one for each served version.
fn defined(object: &Object) -> Vec<Target> {
    if kinds::class(&object.id) != kinds::Class::Definition {
        return Vec::new();
    }
    let text = |path| object.value.pointer(path).and_then(Value::as_str);
    let (Some(group), Some(kind), Some(plural)) =
        (text("/spec/group"), text("/spec/names/kind"), text("/spec/names/plural"))
    else {
        return Vec::new();
    };
    let versions = object.value.pointer("/spec/versions").and_then(Value::as_array);
    let served =
        versions.into_iter().flatten().filter(|v| v.get("served") != Some(&Value::Bool(false)));
    served
        .filter_map(|version| Some((version, version.get("name")?.as_str()?)))
        .map(|(described, version)| Target {
            resource: ApiResource {
                group: group.to_owned(),
                version: version.to_owned(),
                api_version: format!("{group}/{version}"),
                kind: kind.to_owned(),
                plural: plural.to_owned(),
            },
            namespaced: text("/spec/scope") != Some("Cluster"),
            has_status: described.pointer("/subresources/status").is_some(),
            to_come: true,
        })
        .collect()
}
