//! Reading kube's errors.

use std::{error::Error as _, time::Duration};

use kube::core::Status;

use crate::Conflict;

/// Returns `Some` if a call with this error may simply be made again. It holds the pause that the
/// server asked for.
pub(super) fn transient(error: &kube::Error) -> Option<Option<Duration>> {
    match error {
        kube::Error::Api(status) => {
            // etcd's limit comes as a 500, and stays.
            if status.message.contains("request is too large") {
                return None;
            }
            let asked = status.details.as_ref().map(|d| d.retry_after_seconds).filter(|&s| s > 0);
            let asked = asked.map(|seconds| Duration::from_secs(u64::from(seconds)));
            matches!(status.code, 429 | 500 | 502 | 503 | 504).then_some(asked)
        }
        kube::Error::HyperError(_) | kube::Error::ReadEvents(_) => Some(None),
        // A certificate does not get better by waiting.
        kube::Error::Service(_) => (!explain(error).contains("certificate")).then_some(None),
        // An answer that was cut off or came from a proxy on the way.
        kube::Error::SerdeError(_) => Some(None),
        _ => None,
    }
}

/// Returns the error as a person wants it: what the API server said, or the innermost reason.
pub fn explain(error: &kube::Error) -> String {
    if let kube::Error::Api(status) = error {
        return status.message.clone();
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    text
}

/// Returns true if the API server answered that the object does not exist.
pub(crate) fn is_gone(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Returns the API server's refusal if it is about the request's content (400, 413, 422), rights
/// (403) or a conflict (409).
pub(crate) fn refusal(error: &kube::Error) -> Option<&Status> {
    match error {
        kube::Error::Api(status) if matches!(status.code, 400 | 403 | 409 | 413 | 422) => {
            Some(status)
        }
        _ => None,
    }
}

/// Lists the field managers that a server-side apply ran into.
pub(crate) fn conflicts(status: &Status) -> Vec<Conflict> {
    let causes = status.details.iter().flat_map(|d| &d.causes);
    causes
        .filter(|cause| cause.reason == "FieldManagerConflict")
        .map(|cause| Conflict {
            // The message reads `conflict with "kubectl" using apps/v1`.
            manager: cause.message.split('"').nth(1).unwrap_or(&cause.message).to_owned(),
            field: cause.field.clone(),
        })
        .collect()
}

/// Returns true if the request was to change a field that cannot be changed in place.
pub(crate) fn is_immutable(status: &Status) -> bool {
    let has = |part: &str| status.message.contains(part);
    status.code == 422 && (has("immutable") || has("may not change") || has("Forbidden: "))
}
