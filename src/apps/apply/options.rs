//! How to apply and delete.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::apps::{ObjectId, kinds};

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
    /// Whether `id` is kept.
    pub fn keeps(&self, id: &ObjectId) -> bool {
        kinds::is_protected(id)
            && match self {
                Self::Keep => true,
                Self::DeleteNamed(names) => !names.iter().any(|name| id.is_named(name)),
                Self::DeleteAll => false,
            }
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
    /// Take over fields that belong to other field managers or suites.
    pub force: bool,
    /// Delete what left the suite.
    pub prune: bool,
    /// What is kept of that.
    pub protection: Protection,
    /// Wait until all is ready. Without, only what others depend on is waited for.
    pub wait: bool,
    /// Objects (`Kind/name`, `Kind/namespace/name`) that may be deleted and made anew when a field
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
            force: false,
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
    /// Cancelled when the user wants to stop.
    pub stop: CancellationToken,
}

impl Default for DeleteOptions {
    fn default() -> Self {
        Self {
            protection: Protection::Keep,
            timeout: Duration::from_secs(300),
            stop: CancellationToken::new(),
        }
    }
}
