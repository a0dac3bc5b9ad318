//! What a refused or lost request means, for our own client and for Google's.

use std::{error::Error, time::Duration};

use google_cloud_gax::error::Error as GaxError;
use infra_provider_api::{CloudError, ErrorKind, Proxy};
use serde_json::Value;

use super::refusal::Refusal;
use crate::credentials::LOGIN_HINT;

/// What helps against a token that the cloud refuses.
const REFUSED_HINT: &str = "set GOOGLE_OAUTH_ACCESS_TOKEN to a new token if it is set, and otherwise run \
                            `gcloud auth application-default login`";
/// Longest text of the cloud's that is repeated.
const MESSAGE_MAX: usize = 1_000;

/// An answer that is no success.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) operation: &'a str,
    pub(super) status: u16,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: &'a [u8],
    /// The host that answered.
    pub(super) host: &'a str,
}

/// Makes the error for an answer that refuses.
pub(super) fn refused(answer: &Answer<'_>) -> CloudError {
    let mut refusal = Refusal::parse(answer.status, answer.body);
    refusal.retry_after = refusal.retry_after.or(answer.retry_after);
    if refusal.service.is_none() && answer.host.ends_with(".googleapis.com") {
        refusal.service = Some(answer.host.to_owned());
    }
    of_refusal(answer.operation, refusal)
}

/// Makes the error for a refusal.
pub(super) fn of_refusal(operation: &str, refusal: Refusal) -> CloudError {
    let kind = refusal.kind();
    let said: String = refusal.message.trim().chars().take(MESSAGE_MAX).collect();
    let message = match (said.is_empty(), refusal.status) {
        (false, _) => said,
        (true, Some(status)) => format!("status {status} with no explanation"),
        (true, None) => format!("{} with no explanation", refusal.code),
    };
    let mut error = CloudError::new(kind, operation, message);
    error.hint = hint(kind, &refusal);
    error.request_id = refusal.request_id;
    error.retry_after = refusal.retry_after;
    error
}

fn hint(kind: ErrorKind, refusal: &Refusal) -> Option<String> {
    let text = match kind {
        ErrorKind::Forbidden if refusal.is_disabled_api() => {
            let service = refusal.service.as_deref().unwrap_or("container.googleapis.com");
            return Some(format!("run `gcloud services enable {service}`, and wait a few minutes"));
        }
        ErrorKind::Unauthorized => REFUSED_HINT,
        ErrorKind::Forbidden => {
            "give the account a role with the permission that the message names, or use another account"
        }
        ErrorKind::Quota => {
            "ask for a higher quota at https://console.cloud.google.com/iam-admin/quotas, or declare \
             fewer or smaller machines"
        }
        ErrorKind::NameTaken => {
            "remove what has the name and is not this cluster's, or rename the cluster"
        }
        _ => return None,
    };
    Some(text.to_owned())
}

/// Makes the error for a request that got no whole answer.
pub(super) fn no_answer(operation: &str, error: &reqwest::Error) -> CloudError {
    let host = error.url().and_then(reqwest::Url::host_str).unwrap_or("the API").to_owned();
    let cause = innermost(error);
    if error.is_connect() {
        return unreachable(operation, &host, &cause);
    }
    let (kind, message) = if error.is_timeout() {
        (ErrorKind::Unanswered, format!("{host} gave no answer in time"))
    } else if error.is_body() || error.is_decode() {
        (ErrorKind::Unanswered, format!("the answer of {host} broke off: {cause}"))
    } else if error.is_builder() {
        (ErrorKind::Invalid, format!("bad request: {cause}"))
    } else {
        (
            ErrorKind::Unanswered,
            format!("the connection to {host} broke before an answer came: {cause}"),
        )
    };
    CloudError::new(kind, operation, message)
}

fn unreachable(operation: &str, host: &str, cause: &str) -> CloudError {
    let proxy = Proxy::of(host);
    let through = proxy.as_ref().map(|proxy| format!(" through {}", proxy.text()));
    let message = format!("can't reach {host}{}: {cause}", through.unwrap_or_default());
    let said = cause.to_lowercase();
    let about_time = said.contains("certificate")
        && (said.contains("expired") || said.contains("not valid yet"));
    let hint = match proxy {
        _ if about_time => {
            "check this machine's clock: by it the server's certificate is not valid now".to_owned()
        }
        Some(proxy) => proxy.hint(),
        None => {
            "check the network, the proxy settings and CLOUDSDK_API_ENDPOINT_OVERRIDES_…".to_owned()
        }
    };
    CloudError::new(ErrorKind::Unavailable, operation, message).with_hint(hint)
}

/// Makes the error for a failed call of Google's own client.
pub(crate) fn of_gax(operation: &str, error: &GaxError) -> CloudError {
    if let Some(own) = source_of::<CloudError>(error) {
        return CloudError { operation: operation.to_owned(), ..own.clone() };
    }
    if let Some(status) = error.status() {
        let mut refusal = Refusal {
            status: error.http_status_code(),
            code: status.code.name().to_owned(),
            message: status.message.clone(),
            ..Refusal::default()
        };
        for detail in &status.details {
            refusal.learn(&serde_json::to_value(detail).unwrap_or(Value::Null));
        }
        return of_refusal(operation, refusal);
    }
    if let Some(status) = error.http_status_code() {
        let body = error.http_payload().map(AsRef::as_ref).unwrap_or_default();
        return of_refusal(operation, Refusal::parse(status, body));
    }
    if let Some(inner) = source_of::<GaxError>(error) {
        return of_gax(operation, inner);
    }
    let cause = innermost(error);
    if error.is_connect() {
        return unreachable(operation, "the API", &cause);
    }
    let kind = if error.is_authentication() {
        ErrorKind::Unauthorized
    } else if error.is_deserialization() {
        ErrorKind::MalformedResponse
    } else if error.is_serialization() || error.is_binding() {
        ErrorKind::Invalid
    } else {
        // A timeout, a connection that broke, and what is not known: the effect may be there.
        ErrorKind::Unanswered
    };
    let failed = CloudError::new(kind, operation, cause);
    if kind == ErrorKind::Unauthorized { failed.with_hint(LOGIN_HINT) } else { failed }
}

fn source_of<E: Error + 'static>(error: &dyn Error) -> Option<&E> {
    let mut current = error.source();
    while let Some(one) = current {
        if let Some(found) = one.downcast_ref::<E>() {
            return Some(found);
        }
        current = one.source();
    }
    None
}

fn innermost(error: &dyn Error) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}

#[cfg(test)]
mod tests;
