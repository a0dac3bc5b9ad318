use std::sync::Arc;

use serde_json::Value;

use crate::Resource;
use crate::schema::Type;

/// What the API server knows of a kind.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) plural: String,
    pub(crate) singular: String,
    pub(crate) short: Vec<String>,
    pub(crate) categories: Vec<String>,
    pub(crate) namespaced: bool,
    /// Only asked, never kept (reviews).
    pub(crate) create_only: bool,
    pub(crate) subresources: Vec<Subresource>,
    pub(crate) schema: Type,
    /// The version's entry of the definition, for custom resources.
    pub(crate) custom: Option<Arc<Value>>,
}

/// A subresource of a kind.
#[derive(Debug, Clone)]
pub(crate) struct Subresource {
    pub(crate) name: String,
    pub(crate) group: String,
    pub(crate) version: String,
    pub(crate) kind: String,
    pub(crate) verbs: Vec<&'static str>,
}

impl Kind {
    pub(crate) fn resource(&self) -> Resource {
        Resource::new(&self.group, &self.version, &self.plural)
    }

    /// Returns the kind under which its objects are kept: events of both groups are the same
    /// objects.
    pub(crate) fn stored(&self) -> Resource {
        if self.is("events.k8s.io", "events") { Resource::core("events") } else { self.resource() }
    }

    pub(crate) fn api_version(&self) -> String {
        self.resource().api_version()
    }

    pub(crate) fn qualified(&self) -> String {
        self.resource().qualified()
    }

    pub(crate) fn is(&self, group: &str, plural: &str) -> bool {
        self.group == group && self.plural == plural
    }

    pub(crate) fn has_status(&self) -> bool {
        self.subresources.iter().any(|sub| sub.name == "status")
    }

    pub(crate) fn subresource(&self, name: &str) -> Option<&Subresource> {
        self.subresources.iter().find(|sub| sub.name == name)
    }

    pub(crate) fn verbs(&self) -> &'static [&'static str] {
        if self.create_only {
            &["create"]
        } else if self.is("", "namespaces") {
            &["create", "delete", "get", "list", "patch", "update", "watch"]
        } else {
            &["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
        }
    }
}
