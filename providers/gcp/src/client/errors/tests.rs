use google_cloud_gax::error::{
    CredentialsError,
    rpc::{Code, Status, StatusDetails},
};
use http::HeaderMap;
use serde_json::json;

use super::*;

fn answer(status: u16, body: &str) -> CloudError {
    let (operation, host) = ("create gke_cluster.main", "container.googleapis.com");
    refused(&Answer { operation, status, retry_after: None, body: body.as_bytes(), host })
}

/// A refusal as the newer APIs write it.
fn refusal(status: u16, code: &str, message: &str, details: &Value) -> CloudError {
    let error = json!({"code": status, "status": code, "message": message, "details": details});
    answer(status, &json!({ "error": error }).to_string())
}

/// A refusal as Compute and DNS write it.
fn reason(status: u16, reason: &str) -> CloudError {
    let errors = json!([{"domain": "global", "reason": reason, "message": "no"}]);
    answer(
        status,
        &json!({"error": {"code": status, "message": "no", "errors": errors}}).to_string(),
    )
}

fn info(reason: &str) -> Value {
    json!([
        {
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": "container.googleapis.com",
            "metadata": {"service": "container.googleapis.com"},
        },
        {"@type": "type.googleapis.com/google.rpc.RequestInfo", "requestId": "0xab"},
    ])
}

const LOCKED: &str = "Cluster is running incompatible operation operation-1.";
const QUOTA: &str = "Insufficient regional quota to satisfy request: resource \"CPUS\": request requires '24.0' and is short '12.0'.";
const MANY: &str =
    "Too many operations: exceeded the limit of concurrent operations quota 5 of the cluster.";

/// The refusals of GKE, each with the kind that it must have by whichever client it comes.
fn of_gke() -> Vec<(u16, Code, &'static str, Value, ErrorKind)> {
    let none = json!([]);
    vec![
        (409, Code::AlreadyExists, "Already exists: c1.", none.clone(), ErrorKind::NameTaken),
        (
            400,
            Code::FailedPrecondition,
            LOCKED,
            info("CLUSTER_ALREADY_HAS_OPERATION"),
            ErrorKind::Busy,
        ),
        (
            400,
            Code::FailedPrecondition,
            "Operation operation-1 is currently upgrading cluster c1.",
            none.clone(),
            ErrorKind::Busy,
        ),
        (409, Code::Aborted, "The etag does not match.", none.clone(), ErrorKind::Busy),
        (429, Code::ResourceExhausted, MANY, none.clone(), ErrorKind::Busy),
        (
            429,
            Code::ResourceExhausted,
            "Quota exceeded for quota metric 'Requests'",
            info("RATE_LIMIT_EXCEEDED"),
            ErrorKind::RateLimited,
        ),
        (403, Code::PermissionDenied, QUOTA, none.clone(), ErrorKind::Quota),
        (
            403,
            Code::PermissionDenied,
            "Kubernetes Engine API has not been used in project p",
            info("SERVICE_DISABLED"),
            ErrorKind::Forbidden,
        ),
        (
            403,
            Code::PermissionDenied,
            "Required \"container.clusters.create\" permission(s)",
            none.clone(),
            ErrorKind::Forbidden,
        ),
        (400, Code::InvalidArgument, "Invalid machine type.", none.clone(), ErrorKind::Invalid),
        (404, Code::NotFound, "Not found: c1.", none.clone(), ErrorKind::NotFound),
        (
            401,
            Code::Unauthenticated,
            "Request had invalid authentication credentials.",
            none.clone(),
            ErrorKind::Unauthorized,
        ),
        (
            503,
            Code::Unavailable,
            "The service is currently unavailable.",
            none.clone(),
            ErrorKind::Unavailable,
        ),
        (500, Code::Internal, "Internal error.", none.clone(), ErrorKind::Unanswered),
        (504, Code::DeadlineExceeded, "Deadline expired.", none, ErrorKind::Unanswered),
    ]
}

#[test]
fn a_refusal_has_the_same_kind_from_both_clients() {
    for (status, code, message, details, kind) in of_gke() {
        let ours = refusal(status, code.name(), message, &details);
        assert_eq!(ours.kind, kind, "{status} {message}");
        let parsed: Vec<StatusDetails> = serde_json::from_value(details).unwrap();
        let theirs = Status::default().set_code(code).set_message(message).set_details(parsed);
        let theirs = of_gax("create gke_cluster.main", &GaxError::service(theirs));
        assert_eq!(theirs.kind, kind, "{message}");
        assert_eq!((&ours.message, &ours.request_id), (&theirs.message, &theirs.request_id));
        assert_eq!(ours.hint, theirs.hint, "{message}");
    }
}

#[test]
fn a_refusal_of_compute_and_dns_has_the_kind_of_its_reason() {
    for (status, code, kind) in [
        (409, "alreadyExists", ErrorKind::NameTaken),
        (404, "notFound", ErrorKind::NotFound),
        (403, "rateLimitExceeded", ErrorKind::RateLimited),
        (403, "quotaExceeded", ErrorKind::Quota),
        (403, "forbidden", ErrorKind::Forbidden),
        (403, "accessNotConfigured", ErrorKind::Forbidden),
        (400, "resourceInUseByAnotherResource", ErrorKind::Busy),
        (400, "resourceNotReady", ErrorKind::Busy),
        (400, "containerNotEmpty", ErrorKind::Busy),
        (400, "invalid", ErrorKind::Invalid),
        (412, "conditionNotMet", ErrorKind::Busy),
        (503, "backendError", ErrorKind::Unanswered),
        (401, "authError", ErrorKind::Unauthorized),
    ] {
        assert_eq!(reason(status, code).kind, kind, "{status} {code}");
    }
}

#[test]
fn answers_of_no_api_have_the_kind_of_their_status() {
    for (status, kind) in [
        (302, ErrorKind::MalformedResponse),
        (408, ErrorKind::Unavailable),
        (409, ErrorKind::Busy),
        (429, ErrorKind::RateLimited),
        (502, ErrorKind::Unanswered),
        (503, ErrorKind::Unavailable),
    ] {
        assert_eq!(answer(status, "<html>").kind, kind, "{status}");
        let theirs = GaxError::http(status, HeaderMap::new(), b"<html>".as_slice().into());
        assert_eq!(of_gax("x", &theirs).kind, kind, "{status}");
    }
}

#[test]
fn a_lost_answer_is_no_refusal() {
    assert_eq!(of_gax("x", &GaxError::connect("refused")).kind, ErrorKind::Unavailable);
    assert_eq!(of_gax("x", &GaxError::io("reset")).kind, ErrorKind::Unanswered);
    assert_eq!(of_gax("x", &GaxError::timeout("late")).kind, ErrorKind::Unanswered);
    assert_eq!(of_gax("x", &GaxError::deser("odd")).kind, ErrorKind::MalformedResponse);
    // What a policy of the library says about giving up is not what happened.
    let inside = GaxError::exhausted(GaxError::connect("refused"));
    assert_eq!(of_gax("x", &inside).kind, ErrorKind::Unavailable);
}

#[test]
fn our_own_error_comes_back_from_the_library_as_it_was() {
    let own =
        CloudError::new(ErrorKind::Unauthorized, "get an access token", "the login has expired")
            .with_hint("log in");
    let carried = CredentialsError::from_source(false, own);
    let error = of_gax("list clusters", &GaxError::authentication(carried));
    assert_eq!(error.to_string(), "list clusters: the login has expired");
    assert_eq!((error.kind, error.hint.as_deref()), (ErrorKind::Unauthorized, Some("log in")));
    let other = CredentialsError::from_msg(false, "no");
    assert_eq!(of_gax("x", &GaxError::authentication(other)).kind, ErrorKind::Unauthorized);
}

#[test]
fn words_request_and_help_are_kept() {
    let error = refusal(400, "FAILED_PRECONDITION", LOCKED, &info("CLUSTER_ALREADY_HAS_OPERATION"));
    assert_eq!(error.to_string(), format!("create gke_cluster.main: {LOCKED} (request 0xab)"));
    let disabled = refusal(403, "PERMISSION_DENIED", "no", &info("SERVICE_DISABLED"));
    assert!(disabled.hint.unwrap().contains("gcloud services enable container.googleapis.com"));
    let later =
        json!([{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"}]);
    let later = refusal(429, "RESOURCE_EXHAUSTED", "slow down", &later);
    assert_eq!(later.retry_after, Some(Duration::from_millis(2_500)));
    assert_eq!(answer(500, "\u{0}[[[").message, "status 500 with no explanation");
}

proptest::proptest! {
    #[test]
    fn no_body_makes_it_panic(status in 100_u16..700, body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
        let answer = Answer { operation: "x", status, retry_after: None, body: &body, host: "h" };
        proptest::prop_assert!(!refused(&answer).message.is_empty());
    }
}
