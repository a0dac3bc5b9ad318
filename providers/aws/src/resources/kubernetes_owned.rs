//! What controllers in the cluster make in the cloud: found and deleted, never created.

use infra_provider_api::{CloudError, CreateRequest, ErrorKind};

/// Refuses a create call for such a kind.
pub(super) fn never_created<T>(request: &CreateRequest) -> Result<T, CloudError> {
    let operation = format!("create {}", request.address);
    Err(CloudError::new(
        ErrorKind::Invalid,
        operation,
        "only controllers inside the cluster make it",
    ))
}
