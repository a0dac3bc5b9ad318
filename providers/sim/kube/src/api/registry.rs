use std::sync::Arc;

use serde_json::Value;

use super::builtin::{built_in, subresource};
use super::kind::Kind;
use crate::schema::custom_type;
use crate::{Resource, Store};

/// The kinds the API server serves: the built-in ones and those of custom resource definitions.
#[derive(Clone)]
pub(crate) struct Registry {
    store: Store,
}

impl Registry {
    pub(crate) fn new(store: Store) -> Self {
        Self { store }
    }

    /// Finds the kind served under this path.
    pub(crate) fn find(&self, group: &str, version: &str, plural: &str) -> Option<Arc<Kind>> {
        built_in()
            .iter()
            .find(|kind| kind.group == group && kind.version == version && kind.plural == plural)
            .cloned()
            .or_else(|| {
                let definition = self.definition(&format!("{plural}.{group}"))?;
                custom_kinds(&definition).into_iter().find(|kind| kind.version == version)
            })
    }

    /// Lists all kinds, in the order of discovery.
    pub(crate) fn all(&self) -> Vec<Arc<Kind>> {
        let mut kinds = built_in().to_vec();
        let (definitions, _) = self.store.list(&definitions(), None);
        for definition in definitions {
            kinds.extend(custom_kinds(&definition));
        }
        kinds
    }

    /// Lists the groups but the core, each with its versions, the preferred one first.
    pub(crate) fn groups(&self) -> Vec<(String, Vec<String>)> {
        let mut groups: Vec<(String, Vec<String>)> = Vec::new();
        for kind in self.all().iter().filter(|kind| !kind.group.is_empty()) {
            match groups.iter_mut().find(|(group, _)| *group == kind.group) {
                Some((_, versions)) => {
                    if !versions.contains(&kind.version) {
                        versions.push(kind.version.clone());
                    }
                }
                None => groups.push((kind.group.clone(), vec![kind.version.clone()])),
            }
        }
        groups
    }

    fn definition(&self, name: &str) -> Option<Arc<Value>> {
        self.store.get(&definitions(), None, name)
    }
}

fn definitions() -> Resource {
    Resource::new("apiextensions.k8s.io", "v1", "customresourcedefinitions")
}

fn strings(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(|s| s.as_str().map(str::to_owned)).collect()
}

/// Lists the kinds of a definition, one for each served version, if its names were accepted.
fn custom_kinds(definition: &Value) -> Vec<Arc<Kind>> {
    let established = definition["status"]["conditions"].as_array().is_some_and(|conditions| {
        conditions.iter().any(|c| c["type"] == "Established" && c["status"] == "True")
    });
    let spec = &definition["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let names = &spec["names"];
    if !established {
        return Vec::new();
    }
    let mut versions: Vec<&Value> = spec["versions"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|version| version["served"].as_bool().unwrap_or(false))
        .collect();
    versions.sort_by_key(|version| std::cmp::Reverse(version_rank(&text(&version["name"]))));
    versions
        .into_iter()
        .map(|version| {
            let group = text(&spec["group"]);
            let name = text(&version["name"]);
            let kind = text(&names["kind"]);
            let subs = ["status", "scale"]
                .into_iter()
                .filter(|sub| version["subresources"].get(*sub).is_some_and(|s| !s.is_null()))
                .map(|sub| subresource(sub, &group, &name, &kind))
                .collect();
            Arc::new(Kind {
                plural: text(&names["plural"]),
                singular: names["singular"]
                    .as_str()
                    .map_or_else(|| kind.to_lowercase(), str::to_owned),
                short: strings(&names["shortNames"]),
                categories: strings(&names["categories"]),
                namespaced: spec["scope"] == "Namespaced",
                create_only: false,
                subresources: subs,
                schema: custom_type(&version["schema"]["openAPIV3Schema"]),
                custom: Some(Arc::new(version.clone())),
                group,
                version: name,
                kind,
            })
        })
        .collect()
}

/// Orders versions as Kubernetes does: v2 before v1 before v1beta2 before v1alpha1 before others.
fn version_rank(version: &str) -> (u8, u32, u32) {
    let parse = || {
        let rest = version.strip_prefix('v')?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let major: u32 = rest[..end].parse().ok()?;
        let (stage, minor) = match &rest[end..] {
            "" => (3, "0"),
            beta if beta.starts_with("beta") => (2, &beta[4..]),
            alpha if alpha.starts_with("alpha") => (1, &alpha[5..]),
            _ => return None,
        };
        Some((stage, major, minor.parse().ok()?))
    };
    parse().unwrap_or((0, 0, 0))
}

#[cfg(test)]
mod tests {
    use super::version_rank;

    #[test]
    fn stable_versions_come_first() {
        let mut versions = vec!["v1alpha1", "foo", "v1", "v2beta1", "v10", "v1beta1", "v2"];
        versions.sort_by_key(|v| std::cmp::Reverse(version_rank(v)));
        assert_eq!(versions, ["v10", "v2", "v1", "v2beta1", "v1beta1", "v1alpha1", "foo"]);
    }
}
