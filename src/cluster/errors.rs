//! Errors of the other crates, in the engine's words.

use infra_object_store::StoreError;
use infra_provider_api::{CLOCK_HINT, CloudError, ErrorKind};
use infra_provisioning::{artifacts::ArtifactError, node::NodeKitError};
use infra_ssl::SslError;

/// Turns a failed call to the bucket into the engine's error.
pub(super) fn of_store(operation: &str, error: &StoreError) -> CloudError {
    let kind = match error {
        StoreError::AccessDenied { .. } => ErrorKind::Forbidden,
        StoreError::Skewed { .. } => ErrorKind::Local,
        _ if error.is_not_found() => ErrorKind::NotFound,
        _ if error.is_transient() => ErrorKind::Unavailable,
        _ => ErrorKind::Invalid,
    };
    let failed = CloudError::new(kind, operation, error.to_string());
    match error {
        StoreError::Skewed { .. } => failed.with_hint(CLOCK_HINT),
        _ => failed,
    }
}

/// Turns a failure to make or send a node's files into the engine's error.
pub(super) fn of_kit(operation: &str, error: &NodeKitError) -> CloudError {
    match error {
        NodeKitError::Store(error) => of_store(operation, error),
        other => CloudError::new(ErrorKind::Local, operation, other.to_string()),
    }
}

/// Artifacts could not be read or sent.
pub(super) fn of_artifacts(operation: &str, error: &ArtifactError) -> CloudError {
    match error {
        ArtifactError::Store(error) => of_store(operation, error),
        other => CloudError::new(ErrorKind::Local, operation, other.to_string()),
    }
}

/// Turns a fault of the cluster's certificates into the engine's error.
pub(super) fn of_pki(operation: &str, error: &SslError) -> CloudError {
    let failed = local(operation, error);
    match error.hint() {
        Some(hint) => failed.with_hint(hint),
        None => failed,
    }
}

/// Makes the error of something on this machine.
pub(super) fn local(operation: &str, error: impl std::fmt::Display) -> CloudError {
    CloudError::new(ErrorKind::Local, operation, error.to_string())
}
