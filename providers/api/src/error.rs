//! What can go wrong in a cloud, by what can be done about it.

use std::time::Duration;

/// The kinds of failure the engine tells apart. Retries and exit codes hang on this and on nothing
/// else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The token is missing or refused (401).
    Unauthorized,
    /// The token may not do this (403).
    Forbidden,
    /// There is no such thing (404).
    NotFound,
    /// The state of the resource forbids it now; later it may work (409, 422 "pending").
    Busy,
    /// The name belongs to a resource that this cluster does not own.
    NameTaken,
    /// The request is wrong and will stay wrong (400, 422).
    Invalid,
    /// The account's limit is reached.
    Quota,
    /// Too many requests (429).
    RateLimited,
    /// The service is not there, and the call had no effect (503 before, connection refused).
    Unavailable,
    /// No answer: the call may or may not have had its effect.
    Unanswered,
    /// The answer made no sense.
    MalformedResponse,
    /// A wait ran into its deadline.
    Deadline,
    /// The user asked to stop.
    Cancelled,
    /// Something that stays until somebody lifts it forbids the call: a protection, or what is not
    /// this cluster's. It is never waited for.
    Blocked,
    /// Something on this machine: a file, a full disk.
    Local,
}

/// A failed call: what, why, and what to do.
///
/// ```
/// use infra_provider_api::{CloudError, ErrorKind};
///
/// let error = CloudError::new(ErrorKind::Quota, "create droplet worker-3", "the limit is reached")
///     .with_hint("ask for a higher limit, or lower `count`");
/// assert_eq!(error.to_string(), "create droplet worker-3: the limit is reached");
/// assert_eq!(error.hint.as_deref(), Some("ask for a higher limit, or lower `count`"));
/// assert!(!error.is_transient(), "the same call would fail again");
///
/// // A call without an answer may have made something, so it is not repeated blindly.
/// let lost = CloudError::new(ErrorKind::Unanswered, "create droplet worker-3", "connection reset");
/// assert!(lost.is_uncertain() && !lost.is_transient());
/// ```
#[derive(Clone, Debug, thiserror::Error)]
#[error("{operation}: {message}{}", .request_id.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default())]
pub struct CloudError {
    /// What can be done about it.
    pub kind: ErrorKind,
    /// What was tried: `create droplets worker-1, worker-2`.
    pub operation: String,
    /// What the cloud said. Never holds a secret.
    pub message: String,
    /// The cloud's id of the request, for its support.
    pub request_id: Option<String>,
    /// What the user can do.
    pub hint: Option<String>,
    /// When to try again, if the cloud said so.
    pub retry_after: Option<Duration>,
}

impl CloudError {
    /// Makes an error with no request id, hint or time.
    pub fn new(kind: ErrorKind, operation: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            kind,
            operation: operation.into(),
            message: message.into(),
            request_id: None,
            hint: None,
            retry_after: None,
        }
    }

    /// Sets the hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns true if the same call may simply be made again: it had no effect, and the reason
    /// passes.
    pub fn is_transient(&self) -> bool {
        matches!(self.kind, ErrorKind::RateLimited | ErrorKind::Unavailable | ErrorKind::Busy)
    }

    /// Returns true if the call may have had its effect.
    pub fn is_uncertain(&self) -> bool {
        matches!(self.kind, ErrorKind::Unanswered | ErrorKind::MalformedResponse)
    }
}
