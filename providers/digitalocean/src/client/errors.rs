//! What a refused request means.

use std::time::Duration;

use infra_provider_api::{CloudError, ErrorKind, Proxy};
use serde::Deserialize;

/// What the vendor says in a refusal; every field may be absent.
#[derive(Debug, Default, Deserialize)]
struct Refusal {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    message: Option<String>,
    #[serde(default)]
    request_id: Option<String>,
}

/// An answer that is no success.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    pub(crate) operation: &'a str,
    pub(crate) status: u16,
    pub(crate) request_id: Option<String>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: &'a [u8],
    /// The environment variable that the credential came from.
    pub(crate) credential: &'a str,
}

/// Makes the error for an answer that refuses.
pub(crate) fn refused(answer: &Answer<'_>) -> CloudError {
    let refusal: Refusal = serde_json::from_slice(answer.body).unwrap_or_default();
    let said = refusal.message.filter(|message| !message.trim().is_empty());
    let message = match (&said, &refusal.id) {
        (Some(message), _) => message.trim().to_owned(),
        (None, Some(id)) => format!("{id} (status {})", answer.status),
        (None, None) => format!("status {} with no explanation", answer.status),
    };
    let kind = kind_of(answer.status, &message.to_lowercase());
    let mut error = CloudError::new(kind, answer.operation, message);
    error.request_id = answer.request_id.clone().or(refusal.request_id);
    error.retry_after = answer.retry_after;
    error.hint = hint(&error, answer);
    error
}

const TAKEN: [&str; 7] = [
    "already in use",
    "already exists",
    "already taken",
    "already been taken",
    "not unique",
    "must be unique",
    "duplicate",
];
const BUSY: [&str; 10] = [
    "pending",
    "in progress",
    "locked",
    "not ready",
    "still attached",
    "attached to",
    "is attached",
    "members",
    "try again",
    "currently being",
];
const QUOTA: [&str; 4] = ["limit", "quota", "exceed", "maximum number"];

fn kind_of(status: u16, message: &str) -> ErrorKind {
    let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
    match status {
        401 => ErrorKind::Unauthorized,
        // A VPC with members is refused with 403.
        403 if says(&BUSY) => ErrorKind::Busy,
        403 => ErrorKind::Forbidden,
        404 | 410 => ErrorKind::NotFound,
        408 => ErrorKind::Unavailable,
        409 if says(&TAKEN) => ErrorKind::NameTaken,
        409 | 412 | 423 => ErrorKind::Busy,
        422 if says(&TAKEN) => ErrorKind::NameTaken,
        422 if says(&QUOTA) && !message.contains("character") && !message.contains("size") => {
            ErrorKind::Quota
        }
        422 if says(&BUSY) => ErrorKind::Busy,
        429 => ErrorKind::RateLimited,
        503 => ErrorKind::Unavailable,
        // 500, 502 and 504 come from in between as often as from before: the effect may be there.
        500..=599 => ErrorKind::Unanswered,
        400..=499 => ErrorKind::Invalid,
        _ => ErrorKind::MalformedResponse,
    }
}

fn hint(error: &CloudError, answer: &Answer<'_>) -> Option<String> {
    let credential = answer.credential;
    match error.kind {
        ErrorKind::Unauthorized => Some(format!(
            "the token in {credential} is refused: it may be revoked, expired or of another \
             account; make one at https://cloud.digitalocean.com/account/api/tokens"
        )),
        ErrorKind::Forbidden => Some(format!(
            "the token in {credential} lacks a scope for this; give it full access, or add the \
             scope that the message names"
        )),
        ErrorKind::Quota => Some(
            "ask for a higher limit at https://cloud.digitalocean.com/account/team/limits, or \
             declare fewer or smaller machines"
                .to_owned(),
        ),
        ErrorKind::NameTaken => Some(
            "something that this cluster does not own has the name: remove it, or rename the \
             cluster"
                .to_owned(),
        ),
        _ => None,
    }
}

/// Makes the error for a request that got no whole answer.
pub(crate) fn no_answer(operation: &str, error: &reqwest::Error) -> CloudError {
    let host = error.url().and_then(reqwest::Url::host_str).unwrap_or("the API").to_owned();
    let cause = innermost(error);
    if error.is_connect() {
        let proxy = Proxy::of(&host);
        let through = proxy.as_ref().map(|proxy| format!(" through {}", proxy.text()));
        let message = format!("can't reach {host}{}: {cause}", through.unwrap_or_default());
        let said = cause.to_lowercase();
        let about_time = said.contains("certificate")
            && (said.contains("expired") || said.contains("not valid yet"));
        let hint = match proxy {
            _ if about_time => {
                "check this machine's clock: by it the server's certificate is not valid now"
                    .to_owned()
            }
            Some(proxy) => proxy.hint(),
            None => "check the network, the proxy settings and DIGITALOCEAN_API_URL".to_owned(),
        };
        return CloudError::new(ErrorKind::Unavailable, operation, message).with_hint(hint);
    }
    if error.is_timeout() {
        let message = format!("{host} gave no answer in time");
        return CloudError::new(ErrorKind::Unanswered, operation, message);
    }
    if error.is_body() || error.is_decode() {
        let message = format!("the answer of {host} broke off: {cause}");
        return CloudError::new(ErrorKind::MalformedResponse, operation, message);
    }
    if error.is_builder() {
        return CloudError::new(ErrorKind::Invalid, operation, format!("bad request: {cause}"));
    }
    let message = format!("the connection to {host} broke before an answer came: {cause}");
    CloudError::new(ErrorKind::Unanswered, operation, message)
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> CloudError {
        refused(&Answer {
            operation: "create droplets worker-1",
            status,
            request_id: None,
            retry_after: None,
            body: body.as_bytes(),
            credential: "DIGITALOCEAN_TOKEN",
        })
    }

    #[test]
    fn each_refusal_has_its_kind() {
        let cases = [
            (
                401,
                r#"{"id":"unauthorized","message":"Unable to authenticate you"}"#,
                ErrorKind::Unauthorized,
            ),
            (403, r#"{"id":"forbidden","message":"You are not authorized"}"#, ErrorKind::Forbidden),
            (403, r#"{"message":"Can not delete VPC with members"}"#, ErrorKind::Busy),
            (404, r#"{"id":"not_found","message":"gone"}"#, ErrorKind::NotFound),
            (409, r#"{"id":"conflict","message":"duplicate name"}"#, ErrorKind::NameTaken),
            (409, r#"{"message":"a volume is attached"}"#, ErrorKind::Busy),
            (
                422,
                r#"{"message":"creating this/these droplet(s) will exceed your droplet limit"}"#,
                ErrorKind::Quota,
            ),
            (
                422,
                r#"{"message":"SSH Key is already in use on your account"}"#,
                ErrorKind::NameTaken,
            ),
            (422, r#"{"message":"Droplet already has a pending event."}"#, ErrorKind::Busy),
            (
                422,
                r#"{"message":"You specified an invalid size for Droplet creation."}"#,
                ErrorKind::Invalid,
            ),
            (429, r#"{"id":"too_many_requests"}"#, ErrorKind::RateLimited),
            (500, "<html>", ErrorKind::Unanswered),
            (502, "", ErrorKind::Unanswered),
            (503, "", ErrorKind::Unavailable),
            (302, "", ErrorKind::MalformedResponse),
        ];
        for (status, body, kind) in cases {
            assert_eq!(answer(status, body).kind, kind, "{status} {body}");
        }
    }

    #[test]
    fn the_vendor_s_words_the_request_and_a_hint_are_kept() {
        let error = answer(401, r#"{"message":"Unable to authenticate you","request_id":"r-7"}"#);
        assert_eq!(
            error.to_string(),
            "create droplets worker-1: Unable to authenticate you (request r-7)"
        );
        assert!(error.hint.unwrap().contains("DIGITALOCEAN_TOKEN"));
        assert_eq!(answer(500, "\u{0}\u{fffd}[[[").message, "status 500 with no explanation");
    }

    proptest::proptest! {
        #[test]
        fn no_body_makes_it_panic(status in 100_u16..700, body in proptest::collection::vec(proptest::num::u8::ANY, 0..200)) {
            let error = refused(&Answer { operation: "x", status, request_id: None, retry_after: None, body: &body, credential: "T" });
            proptest::prop_assert!(!error.message.is_empty());
        }
    }
}
