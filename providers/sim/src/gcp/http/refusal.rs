//! Refusals in Google's envelope, in the dialect of the API that refuses.

use http::StatusCode;
use serde_json::{Map, Value, json};

/// How an API writes its errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// Compute Engine: `errors` with a reason, mostly no `status`.
    Compute,
    /// Cloud DNS: `errors` with a reason, and a `status`.
    Dns,
    /// The others: `status` and `details`.
    Rpc,
}

impl Dialect {
    /// Returns the dialect of the API that a path belongs to.
    pub fn of(path: &str) -> Self {
        if path.starts_with("/compute/") {
            Self::Compute
        } else if path.starts_with("/dns/") {
            Self::Dns
        } else {
            Self::Rpc
        }
    }
}

/// A refused request.
#[derive(Debug, Clone, PartialEq)]
pub struct Refusal {
    /// HTTP status.
    pub status: StatusCode,
    /// One sentence.
    pub message: String,
    /// The reason in `errors[]`, as `notFound`.
    pub reason: String,
    /// The name of the status, as `NOT_FOUND`.
    pub code: &'static str,
    /// Details with their `@type`.
    pub details: Vec<Value>,
    /// The seconds of a `retry-after` header.
    pub retry_after_s: Option<u64>,
}

impl Refusal {
    /// Refuses with any status.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        reason: &str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            status,
            message: message.into(),
            reason: reason.to_owned(),
            code,
            details: Vec::new(),
            retry_after_s: None,
        }
    }

    /// Refuses with 400 and a reason of one's own.
    pub fn bad(reason: &str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "INVALID_ARGUMENT", reason, message)
    }

    /// Refuses with 400: an argument is against a rule.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::bad("badRequest", message)
    }

    /// Refuses with 400: a field of a compute resource is against a rule.
    pub fn field(field: &str, value: &str, why: &str) -> Self {
        Self::bad("invalid", format!("Invalid value for field '{field}': '{value}'. {why}"))
    }

    /// Refuses with 400: a field that must be there is not.
    pub fn required(message: impl Into<String>) -> Self {
        Self::bad("required", message)
    }

    /// Refuses with 400: the state of the resource does not allow it.
    pub fn failed_precondition(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "FAILED_PRECONDITION", "failedPrecondition", message)
    }

    /// Refuses with 404, in the API's own words.
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "NOT_FOUND", "notFound", message)
    }

    /// Refuses with 404, in compute's words; `path` begins with `projects/`.
    pub fn no_resource(path: &str) -> Self {
        Self::not_found(format!("The resource '{path}' was not found"))
    }

    /// Refuses with 409: there is one already.
    pub fn exists(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "ALREADY_EXISTS", "alreadyExists", message)
    }

    /// Refuses with 409: it was changed meanwhile.
    pub fn aborted(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "ABORTED", "aborted", message)
    }

    /// Refuses with 412: the fingerprint is an old one.
    pub fn condition_not_met(message: impl Into<String>) -> Self {
        let status = StatusCode::PRECONDITION_FAILED;
        Self::new(status, "FAILED_PRECONDITION", "conditionNotMet", message)
    }

    /// Refuses with 403.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", "forbidden", message)
    }

    /// Refuses with 403, as an API does that is switched off in the project.
    pub fn service_disabled(service: &str, project: u64) -> Self {
        let message = format!(
            "{service} has not been used in project {project} before or it is disabled. Enable it by visiting https://console.developers.google.com/apis/api/{service}/overview?project={project} then retry. If you enabled this API recently, wait a few minutes for the action to propagate to our systems and retry."
        );
        let about = [("service", service)];
        Self::new(StatusCode::FORBIDDEN, "PERMISSION_DENIED", "accessNotConfigured", message)
            .detail(error_info("SERVICE_DISABLED", "googleapis.com", &about))
    }

    /// Refuses with 401.
    pub fn unauthorized() -> Self {
        let message = "Request had invalid authentication credentials. Expected OAuth 2 access \
                       token, login cookie or other valid authentication credential.";
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHENTICATED", "authError", message)
            .detail(error_info("ACCESS_TOKEN_INVALID", "googleapis.com", &[]))
    }

    /// Refuses with 429.
    pub fn too_many_requests(message: impl Into<String>) -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(status, "RESOURCE_EXHAUSTED", "rateLimitExceeded", message)
    }

    /// Refuses with a status of 5xx.
    pub fn server_error(status: StatusCode) -> Self {
        let (code, reason) = match status {
            StatusCode::SERVICE_UNAVAILABLE => ("UNAVAILABLE", "backendError"),
            StatusCode::NOT_IMPLEMENTED => ("UNIMPLEMENTED", "notImplemented"),
            _ => ("INTERNAL", "internalError"),
        };
        Self::new(status, code, reason, "The service is currently unavailable.")
    }

    /// Adds a detail.
    #[must_use]
    pub fn detail(mut self, detail: Value) -> Self {
        self.details.push(detail);
        self
    }

    /// Adds an `ErrorInfo` of an API's domain.
    #[must_use]
    pub fn info(self, reason: &str, domain: &str) -> Self {
        self.detail(error_info(reason, domain, &[]))
    }

    /// Writes the envelope.
    pub fn body(&self, dialect: Dialect, request_id: &str) -> Value {
        let mut error = Map::new();
        error.insert("code".to_owned(), json!(self.status.as_u16()));
        error.insert("message".to_owned(), json!(self.message));
        let item = json!({ "message": self.message, "domain": "global", "reason": self.reason });
        let mut details = self.details.clone();
        if dialect == Dialect::Rpc {
            details.push(json!({
                "@type": "type.googleapis.com/google.rpc.RequestInfo",
                "requestId": request_id,
            }));
        }
        error.insert("errors".to_owned(), json!([item]));
        if dialect != Dialect::Compute || self.status == StatusCode::UNAUTHORIZED {
            error.insert("status".to_owned(), json!(self.code));
        }
        if !details.is_empty() {
            error.insert("details".to_owned(), Value::Array(details));
        }
        json!({ "error": error })
    }
}

/// Returns a `google.rpc.ErrorInfo`.
pub fn error_info(reason: &str, domain: &str, metadata: &[(&str, &str)]) -> Value {
    let metadata: Map<String, Value> =
        metadata.iter().map(|(k, v)| ((*k).to_owned(), json!(v))).collect();
    json!({
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": domain,
        "metadata": metadata,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dialects_differ_in_what_tells_the_kind() {
        let refusal = Refusal::no_resource("projects/p/global/networks/n");
        let compute = refusal.body(Dialect::Compute, "0x1");
        assert_eq!(compute["error"]["errors"][0]["reason"], "notFound");
        assert!(compute["error"].get("status").is_none());
        let rpc = refusal.body(Dialect::Rpc, "0x1");
        assert_eq!(rpc["error"]["status"], "NOT_FOUND");
        assert_eq!(rpc["error"]["details"][0]["requestId"], "0x1");
    }
}
