//! What a suite has put into a cluster, kept in the cluster itself.

use std::collections::BTreeSet;

use kube::core::{
    DynamicObject,
    params::{Patch, PatchParams},
};
use serde_json::{Value, json};

use super::{
    AppsError, Catalog, FIELD_MANAGER, KubeClient, ObjectId, SUITE_ANNOTATION, Target,
    client::is_gone,
};

/// Namespace of inventories.
const NAMESPACE: &str = "kube-system";
const OBJECTS: &str = "objects";
const DIGEST: &str = "digest";
const VERSIONS: &str = "versions";
const PROJECT: &str = "project";
/// Versions that are kept.
const VERSIONS_MAX: usize = 50;

/// Returns the name of a suite's inventory ConfigMap, which is in kube-system.
pub fn inventory_name(suite: &str) -> String {
    format!("infra-inventory-{suite}")
}

/// What a suite has put into a cluster. Written before an apply begins, so that nothing it makes
/// can be forgotten; brought down to what is there when it ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// The suite.
    pub suite: String,
    /// The objects.
    pub objects: BTreeSet<ObjectId>,
    /// [`super::Suite::digest`] of the last apply that went through; empty during one.
    pub digest: String,
    /// The versions that have got ready here, the latest last.
    pub versions: Vec<String>,
    /// Whose suite it is; `None` when that is not known.
    pub project: Option<String>,
}

impl Inventory {
    /// Returns true if nothing is left but what is only deleted when it is named.
    pub fn is_only_protected(&self) -> bool {
        self.objects.iter().all(super::kinds::is_protected)
    }

    /// Reads the inventory of `suite`; `None` when it was never applied.
    ///
    /// # Errors
    /// Returns [`AppsError::Inventory`] if it is damaged, or the error of a call.
    pub async fn read(client: &KubeClient, suite: &str) -> Result<Option<Self>, AppsError> {
        let name = inventory_name(suite);
        let api = client.api(&config_maps(&*client.catalog().await?)?, Some(NAMESPACE));
        let (api, name) = (&api, name.as_str());
        match client.try_call(|| async move { api.get(name).await }).await {
            Ok(object) => Self::parse(suite, &object.data).map(Some),
            Err(error) if is_gone(&error) => Ok(None),
            Err(error) => Err(client.explained(&format!("read {NAMESPACE}/{name}"), error)),
        }
    }

    pub(super) async fn write(&self, client: &KubeClient) -> Result<(), AppsError> {
        let name = inventory_name(&self.suite);
        let api = client.api(&config_maps(&*client.catalog().await?)?, Some(NAMESPACE));
        let object: DynamicObject = serde_json::from_value(self.to_value())
            .map_err(|error| self.damaged(&error.to_string()))?;
        let params = PatchParams::apply(FIELD_MANAGER).force();
        let (api, name, params, patch) = (&api, name.as_str(), &params, &Patch::Apply(object));
        let write = || async move { api.patch(name, params, patch).await };
        client.call(&format!("write {NAMESPACE}/{name}"), write).await.map(drop)
    }

    pub(super) async fn remove(&self, client: &KubeClient) -> Result<(), AppsError> {
        let name = inventory_name(&self.suite);
        let api = client.api(&config_maps(&*client.catalog().await?)?, Some(NAMESPACE));
        let (api, name, params) = (&api, name.as_str(), &kube::api::DeleteParams::default());
        match client.try_call(|| async move { api.delete(name, params).await }).await {
            Ok(_) => Ok(()),
            Err(error) if is_gone(&error) => Ok(()),
            Err(error) => Err(client.explained(&format!("delete {NAMESPACE}/{name}"), error)),
        }
    }

    fn to_value(&self) -> Value {
        let lines: Vec<String> = self
            .objects
            .iter()
            .map(|id| {
                let namespace = id.namespace.as_deref().unwrap_or_default();
                // Names hold no tab and no line end.
                format!("{}\t{}\t{namespace}\t{}", id.group, id.kind, id.name)
            })
            .collect();
        json!({
            "apiVersion": "v1", "kind": "ConfigMap",
            "metadata": {
                "name": inventory_name(&self.suite), "namespace": NAMESPACE,
                "labels": { "app.kubernetes.io/managed-by": FIELD_MANAGER },
                "annotations": { SUITE_ANNOTATION: self.suite },
            },
            "data": { OBJECTS: lines.join("\n"), DIGEST: self.digest, VERSIONS: self.versions.join("\n"),
                PROJECT: self.project.as_deref().unwrap_or_default() },
        })
    }

    fn parse(suite: &str, object: &Value) -> Result<Self, AppsError> {
        let text = |key: &str| object.pointer(&format!("/data/{key}")).and_then(Value::as_str);
        let mut inventory = Self {
            suite: suite.to_owned(),
            objects: BTreeSet::new(),
            digest: text(DIGEST).unwrap_or_default().to_owned(),
            versions: text(VERSIONS).unwrap_or_default().lines().map(ToOwned::to_owned).collect(),
            project: text(PROJECT).filter(|name| !name.is_empty()).map(ToOwned::to_owned),
        };
        let lines = text(OBJECTS).ok_or_else(|| inventory.damaged("it has no `objects`"))?;
        for line in lines.lines().filter(|line| !line.is_empty()) {
            let parts: Vec<&str> = line.split('\t').collect();
            let [group, kind, namespace, name] = parts[..] else {
                return Err(inventory.damaged(&format!("{line:?} names no object")));
            };
            inventory.objects.insert(ObjectId {
                group: group.to_owned(),
                kind: kind.to_owned(),
                namespace: (!namespace.is_empty()).then(|| namespace.to_owned()),
                name: name.to_owned(),
            });
        }
        Ok(inventory)
    }

    /// Refuses to work on the suite of another project that happens to have the same name: most
    /// often the context is a wrong one.
    ///
    /// # Errors
    /// Returns [`AppsError::OtherProject`] if it is another project's.
    pub fn check_project(&self, project: Option<&str>) -> Result<(), AppsError> {
        match &self.project {
            Some(owner) if project != Some(owner) => {
                Err(AppsError::OtherProject { suite: self.suite.clone(), owner: owner.clone() })
            }
            _ => Ok(()),
        }
    }

    /// Notes that `version` got ready.
    pub(super) fn ran(&mut self, version: &str) {
        self.versions.retain(|known| known != version);
        self.versions.push(version.to_owned());
        let surplus = self.versions.len().saturating_sub(VERSIONS_MAX);
        self.versions.drain(..surplus);
    }

    fn damaged(&self, message: &str) -> AppsError {
        let name = format!("{NAMESPACE}/{}", inventory_name(&self.suite));
        AppsError::Inventory { name, message: message.to_owned() }
    }
}

fn config_maps(catalog: &Catalog) -> Result<Target, AppsError> {
    catalog.resolve("v1", "ConfigMap").cloned().ok_or_else(|| AppsError::Api {
        operation: "find ConfigMaps".to_owned(),
        code: 0,
        reason: String::new(),
        message: "the cluster serves no ConfigMaps".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let id = |group: &str, kind: &str, namespace: Option<&str>| ObjectId {
            group: group.to_owned(),
            kind: kind.to_owned(),
            namespace: namespace.map(ToOwned::to_owned),
            name: "a".to_owned(),
        };
        let inventory = Inventory {
            suite: "shop".to_owned(),
            objects: BTreeSet::from([
                id("apps", "Deployment", Some("x")),
                id("", "Namespace", None),
            ]),
            digest: "00ff".to_owned(),
            versions: vec!["0.1.0".to_owned()],
            project: Some("shop".to_owned()),
        };
        assert_eq!(Inventory::parse("shop", &inventory.to_value()).unwrap(), inventory);
        assert!(Inventory::parse("shop", &json!({ "data": { "objects": "nonsense" } })).is_err());
        assert!(Inventory::parse("shop", &json!({})).is_err());
    }
}
