//! Refusal: what Google says when it refuses, in the words that its APIs share.

use std::time::Duration;

use infra_provider_api::ErrorKind;
use serde::Deserialize;
use serde_json::Value;

/// What a refusal says. Every part may be absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Refusal {
    /// The status of HTTP.
    pub(super) status: Option<u16>,
    /// The name of the status: `FAILED_PRECONDITION`.
    pub(super) code: String,
    /// The reasons, by codes: `alreadyExists`, `CLUSTER_ALREADY_HAS_OPERATION`.
    pub(super) reasons: Vec<String>,
    pub(super) message: String,
    pub(super) request_id: Option<String>,
    pub(super) retry_after: Option<Duration>,
    /// The API that it is about: `container.googleapis.com`.
    pub(super) service: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Body {
    error: ErrorBody,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct ErrorBody {
    status: String,
    message: String,
    errors: Vec<Reason>,
    details: Vec<Value>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Reason {
    reason: String,
}

impl Refusal {
    /// Reads the body of an answer that is no success.
    pub(super) fn parse(status: u16, body: &[u8]) -> Self {
        let body: Body = serde_json::from_slice(body).unwrap_or_default();
        let ErrorBody { status: code, message, errors, details } = body.error;
        let mut refusal = Self { status: Some(status), code, message, ..Self::default() };
        refusal.reasons.extend(errors.into_iter().map(|one| one.reason));
        for detail in &details {
            refusal.learn(detail);
        }
        refusal
    }

    /// Takes what a detail says: `google.rpc.ErrorInfo` and its like.
    pub(super) fn learn(&mut self, detail: &Value) {
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let kind = detail.get("@type").and_then(Value::as_str).unwrap_or_default();
        match kind.rsplit('.').next().unwrap_or_default() {
            "ErrorInfo" => {
                self.reasons.extend(detail.get("reason").and_then(text));
                self.service = detail.pointer("/metadata/service").and_then(text);
            }
            "RequestInfo" => self.request_id = detail.get("requestId").and_then(text),
            "QuotaFailure" => self.reasons.push("QUOTA_EXCEEDED".to_owned()),
            "RetryInfo" => {
                let delay = detail.get("retryDelay").and_then(Value::as_str);
                let seconds = delay.and_then(|delay| delay.trim_end_matches('s').parse().ok());
                self.retry_after =
                    seconds.and_then(|seconds: f64| Duration::try_from_secs_f64(seconds).ok());
            }
            _ => {}
        }
    }

    fn has(&self, reasons: &[&str]) -> bool {
        self.reasons.iter().any(|reason| reasons.contains(&reason.as_str()))
    }

    /// Reports whether the API is switched off in the project.
    pub(super) fn is_disabled_api(&self) -> bool {
        self.has(&["SERVICE_DISABLED", "accessNotConfigured"])
    }

    /// Returns what can be done about it.
    pub(super) fn kind(&self) -> ErrorKind {
        if let Some(kind) = self.kind_of_reasons() {
            return kind;
        }
        let says = |words: &str| self.message.to_lowercase().contains(words);
        match (self.status.unwrap_or_else(|| status_of(&self.code)), self.code.as_str()) {
            // GKE refuses for a quota that is used up as if for a permission. Only the text tells.
            (403, _) if says("quota") && (says("insufficient") || says("exceed")) => {
                ErrorKind::Quota
            }
            (409, "ALREADY_EXISTS") => ErrorKind::NameTaken,
            // The same refusal for calls that are too many, and for operations on a cluster that are: these
            // take long, and no time is told.
            (429, _) if says("operation") => ErrorKind::Busy,
            (400, "FAILED_PRECONDITION") => ErrorKind::Busy,
            (status, _) => kind_of_status(status),
        }
    }

    fn kind_of_reasons(&self) -> Option<ErrorKind> {
        let kinds: [(&[&str], ErrorKind); 9] = [
            (&["SERVICE_DISABLED", "accessNotConfigured"], ErrorKind::Forbidden),
            (&["alreadyExists", "RESOURCE_ALREADY_EXISTS"], ErrorKind::NameTaken),
            (&["notFound", "RESOURCE_NOT_FOUND"], ErrorKind::NotFound),
            (
                &["rateLimitExceeded", "userRateLimitExceeded", "RATE_LIMIT_EXCEEDED"],
                ErrorKind::RateLimited,
            ),
            (&["quotaExceeded", "QUOTA_EXCEEDED", "limitExceeded"], ErrorKind::Quota),
            (
                &[
                    "CLUSTER_ALREADY_HAS_OPERATION",
                    "resourceInUseByAnotherResource",
                    "RESOURCE_IN_USE_BY_ANOTHER_RESOURCE",
                    "resourceNotReady",
                    "RESOURCE_NOT_READY",
                    "RESOURCE_OPERATION_RATE_EXCEEDED",
                    "operationInProgress",
                    "conditionNotMet",
                    "CONDITION_NOT_MET",
                    "failedPrecondition",
                    "containerNotEmpty",
                ],
                ErrorKind::Busy,
            ),
            // A zone that has no machines of the type now has some again later.
            (
                &[
                    "ZONE_RESOURCE_POOL_EXHAUSTED",
                    "ZONE_RESOURCE_POOL_EXHAUSTED_WITH_DETAILS",
                    "GCE_STOCKOUT",
                ],
                ErrorKind::Busy,
            ),
            (&["backendError", "internalError", "INTERNAL_ERROR"], ErrorKind::Unanswered),
            (&["authError", "UNAUTHENTICATED"], ErrorKind::Unauthorized),
        ];
        kinds.into_iter().find(|(reasons, _)| self.has(reasons)).map(|(_, kind)| kind)
    }
}

fn kind_of_status(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Unauthorized,
        403 => ErrorKind::Forbidden,
        404 | 410 => ErrorKind::NotFound,
        // `ABORTED`: somebody else wrote first. What a name taken by is, has a reason or a code.
        409 | 412 | 423 => ErrorKind::Busy,
        429 => ErrorKind::RateLimited,
        408 | 503 => ErrorKind::Unavailable,
        // 500, 502 and 504 come from in between as often as from before: the effect may be there.
        500..=599 => ErrorKind::Unanswered,
        400..=499 => ErrorKind::Invalid,
        _ => ErrorKind::MalformedResponse,
    }
}

/// Returns the status of HTTP that Google sends along with a code.
fn status_of(code: &str) -> u16 {
    match code {
        "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => 400,
        "UNAUTHENTICATED" => 401,
        "PERMISSION_DENIED" => 403,
        "NOT_FOUND" => 404,
        "ABORTED" | "ALREADY_EXISTS" => 409,
        "RESOURCE_EXHAUSTED" => 429,
        "UNAVAILABLE" => 503,
        "DEADLINE_EXCEEDED" => 504,
        "CANCELLED" => 500,
        "UNIMPLEMENTED" => 405,
        _ => 500,
    }
}
