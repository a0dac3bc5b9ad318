//! An object of a suite, its identity and where it came from.

use std::{fmt, path::PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// File and line (from 1) of an object or a problem.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Origin {
    /// As the user named it.
    pub file: PathBuf,
    /// From 1; 0 for the whole file.
    pub line: usize,
}

impl Origin {
    pub(super) fn new(file: impl Into<PathBuf>, line: usize) -> Self {
        Self { file: file.into(), line }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file.display()),
            line => write!(f, "{}:{line}", self.file.display()),
        }
    }
}

/// What an object is in a cluster, whatever its version. Shown as `Kind/namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ObjectId {
    /// API group, empty for the core.
    pub group: String,
    /// `Deployment`.
    pub kind: String,
    /// `None` for what belongs to the whole cluster.
    pub namespace: Option<String>,
    /// metadata.name.
    pub name: String,
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.namespace {
            Some(namespace) => write!(f, "{}/{namespace}/{}", self.kind, self.name),
            None => write!(f, "{}/{}", self.kind, self.name),
        }
    }
}

impl ObjectId {
    /// Returns true if it is a core `Secret`.
    pub fn is_secret(&self) -> bool {
        self.group.is_empty() && self.kind == "Secret"
    }

    /// Returns true if `text` names it, as `Kind/name` or `Kind/namespace/name`.
    pub fn is_named(&self, text: &str) -> bool {
        let parts: Vec<&str> = text.split('/').collect();
        match parts[..] {
            [kind, name] => kind == self.kind && name == self.name,
            [kind, namespace, name] => {
                kind == self.kind
                    && Some(namespace) == self.namespace.as_deref()
                    && name == self.name
            }
            _ => false,
        }
    }
}

/// An object as it will be sent. Its `Debug` shows no content: it may be a Secret.
#[derive(Clone, PartialEq)]
pub struct Object {
    /// What it is.
    pub id: ObjectId,
    /// `apps/v1`.
    pub api_version: String,
    /// The whole object, substituted and merged.
    pub value: Value,
    /// The manifest it came from; the base's when an overlay changed it.
    pub origin: Origin,
}

impl fmt::Debug for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Object({} from {})", self.id, self.origin)
    }
}

impl Object {
    /// Returns an annotation's value.
    pub fn annotation(&self, key: &str) -> Option<&str> {
        self.value.get("metadata")?.get("annotations")?.get(key)?.as_str()
    }

    /// Returns the group of an apiVersion: `apps` for `apps/v1`, the empty text for `v1`.
    pub fn group_of(api_version: &str) -> &str {
        api_version.split_once('/').map_or("", |(group, _)| group)
    }
}
