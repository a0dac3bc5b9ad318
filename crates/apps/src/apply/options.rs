//! How to apply and delete.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{Conflict, ObjectId, kinds};

/// What happens to PersistentVolumeClaims, Namespaces and CustomResourceDefinitions that would go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Protection {
    /// They are kept.
    #[default]
    Keep,
    /// Those named (`Kind/name`, `Kind/namespace/name`) go, the others are kept.
    DeleteNamed(Vec<String>),
    /// They go.
    DeleteAll,
}

impl Protection {
    /// Returns true if `id` is kept.
    pub fn keeps(&self, id: &ObjectId) -> bool {
        kinds::is_protected(id)
            && match self {
                Self::Keep => true,
                Self::DeleteNamed(names) => !names.iter().any(|name| id.is_named(name)),
                Self::DeleteAll => false,
            }
    }
}

/// Which fields are taken over from other field managers and suites.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Force {
    /// None: what belongs to another stays theirs, and the object fails.
    #[default]
    Never,
    /// Those named: `.spec.replicas`, `Kind/name`, `Kind/namespace/name`, or an object and a field
    /// with a colon between them.
    Only(Vec<String>),
    /// All.
    Always,
}

impl Force {
    /// Returns true if `field` of `id` may be taken over.
    pub fn covers(&self, id: &ObjectId, field: &str) -> bool {
        let same = |wanted: &str| wanted.trim_start_matches('.') == field.trim_start_matches('.');
        let is_named = |name: &String| match name.split_once(':') {
            Some((object, wanted)) => id.is_named(object) && same(wanted),
            None => id.is_named(name) || same(name),
        };
        match self {
            Self::Never => false,
            Self::Only(names) => names.iter().any(is_named),
            Self::Always => true,
        }
    }

    /// Returns true if all of `conflicts` may be taken over.
    pub fn covers_all(&self, id: &ObjectId, conflicts: &[Conflict]) -> bool {
        conflicts.iter().all(|conflict| self.covers(id, &conflict.field))
    }
}

/// How to apply.
#[derive(Clone, Debug)]
pub struct ApplyOptions {
    /// Objects sent at a time.
    pub parallelism: usize,
    /// How long an object may take to get ready; an object's `infra.dev/timeout` goes before.
    pub timeout: Duration,
    /// How long an image may fail to be pulled before its object counts as failed.
    pub image_grace: Duration,
    /// How long a custom resource's controller may take to write a first status before the object
    /// counts as one that never gets any.
    pub unreported_grace: Duration,
    /// Whether the last line that a crashing container printed is shown; it may be secret.
    pub container_logs: bool,
    /// Which fields are taken over from other field managers and suites.
    pub force: Force,
    /// Delete what left the suite.
    pub prune: bool,
    /// What is kept of that.
    pub protection: Protection,
    /// Wait until all is ready. Without, only what others depend on is waited for.
    pub wait: bool,
    /// Objects (`Kind/name`, `Kind/namespace/name`) that may be deleted and recreated when a field
    /// of theirs cannot be changed in place.
    pub replace: Vec<String>,
    /// Cancelled when the user wants to stop: nothing more is sent.
    pub stop: CancellationToken,
}

impl Default for ApplyOptions {
    fn default() -> Self {
        Self {
            parallelism: 16,
            timeout: Duration::from_secs(300),
            image_grace: Duration::from_secs(60),
            unreported_grace: Duration::from_secs(10),
            container_logs: true,
            force: Force::Never,
            prune: true,
            protection: Protection::Keep,
            wait: true,
            replace: Vec::new(),
            stop: CancellationToken::new(),
        }
    }
}

/// How to delete a suite.
#[derive(Clone, Debug)]
pub struct DeleteOptions {
    /// What is kept.
    pub protection: Protection,
    /// How long an object may take to be gone.
    pub timeout: Duration,
    /// Only these (`Kind/name`, `Kind/namespace/name`); all of the suite when empty.
    pub only: Vec<String>,
    /// Cancelled when the user wants to stop.
    pub stop: CancellationToken,
}

impl Default for DeleteOptions {
    fn default() -> Self {
        Self {
            protection: Protection::Keep,
            timeout: Duration::from_secs(300),
            only: Vec::new(),
            stop: CancellationToken::new(),
        }
    }
}
