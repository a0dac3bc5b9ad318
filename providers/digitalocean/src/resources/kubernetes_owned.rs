//! What controllers in the cluster make in the cloud: found and deleted, never created.

use infra_provider_api::{CloudError, CreateRequest, ErrorKind};

/// Refuses create calls for such a kind.
pub(super) fn never_created<S, T>(requests: &[(CreateRequest, S)]) -> Vec<Result<T, CloudError>> {
    let refuse = |request: &CreateRequest| {
        CloudError::new(
            ErrorKind::Invalid,
            format!("create {}", request.address),
            "only controllers inside the cluster make it",
        )
    };
    requests.iter().map(|(request, _)| Err(refuse(request))).collect()
}
