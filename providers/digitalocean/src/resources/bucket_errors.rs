//! What a refusal by Spaces means.

use std::error::Error;

use aws_sdk_s3::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
    primitives::{DateTime, DateTimeFormat},
};
use infra_provider_api::{CLOCK_HINT, CloudError, ErrorKind, clock_skew};

/// Makes the error for a failed call.
pub(super) fn mapped<E, R>(operation: &str, error: &SdkError<E, R>) -> CloudError
where
    E: ProvideErrorMetadata + RequestId + Error + 'static,
    R: std::fmt::Debug + HasStatus + 'static,
{
    let cause = innermost(error);
    match error {
        SdkError::ServiceError(service) => {
            let said = service.err();
            let code = said.code().unwrap_or_default();
            if let Some(error) = skewed(operation, code, service.raw().server_date()) {
                return error;
            }
            let kind = kind_of(service.raw().status(), code);
            let message = match said.message() {
                Some(message) if !message.is_empty() => format!("{code}: {message}"),
                _ if code.is_empty() => format!("status {}", service.raw().status()),
                _ => code.to_owned(),
            };
            let mut mapped = CloudError::new(kind, operation, message);
            mapped.request_id = said.request_id().map(str::to_owned);
            mapped.hint = hint(kind);
            mapped
        }
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            CloudError::new(ErrorKind::Unanswered, operation, "Spaces gave no answer in time")
        }
        SdkError::DispatchFailure(failure) if failure.is_user() || failure.is_other() => {
            CloudError::new(ErrorKind::Unanswered, operation, cause)
        }
        SdkError::DispatchFailure(_) => {
            let message = format!("the connection to Spaces failed: {cause}");
            let kind = if cause.to_lowercase().contains("refused") {
                ErrorKind::Unavailable
            } else {
                ErrorKind::Unanswered
            };
            CloudError::new(kind, operation, message)
                .with_hint("check the network and SPACES_ENDPOINT_URL")
        }
        SdkError::TimeoutError(_) => {
            CloudError::new(ErrorKind::Unanswered, operation, "Spaces gave no answer in time")
        }
        SdkError::ResponseError(_) => CloudError::new(
            ErrorKind::MalformedResponse,
            operation,
            format!("no sense in the answer: {cause}"),
        ),
        _ => CloudError::new(ErrorKind::Local, operation, cause),
    }
}

/// The status of an answer, and the server's clock.
pub(super) trait HasStatus {
    fn status(&self) -> u16;
    /// Returns the date of the answer in seconds since 1970.
    fn server_date(&self) -> Option<i64>;
}

/// Recognizes a refusal of the signature because one of the two clocks is wrong.
fn skewed(operation: &str, code: &str, server_s: Option<i64>) -> Option<CloudError> {
    let by = server_s.and_then(clock_skew);
    let about_time = code == "RequestTimeTooSkewed";
    let signature = matches!(code, "SignatureDoesNotMatch" | "AccessDenied" | "InvalidArgument");
    if !(about_time || signature && by.is_some()) {
        return None;
    }
    let by = by.unwrap_or_else(|| "more than it takes".to_owned());
    let message = format!("{code}: this machine's clock differs from the store's by {by}");
    Some(CloudError::new(ErrorKind::Local, operation, message).with_hint(CLOCK_HINT))
}

impl HasStatus for aws_sdk_s3::config::http::HttpResponse {
    fn status(&self) -> u16 {
        self.status().as_u16()
    }

    fn server_date(&self) -> Option<i64> {
        let date = self.headers().get("date")?;
        DateTime::from_str(date, DateTimeFormat::HttpDate).ok().map(|date| date.secs())
    }
}

fn kind_of(status: u16, code: &str) -> ErrorKind {
    match (status, code) {
        (_, "NoSuchBucket" | "NoSuchKey" | "NotFound") | (404, _) => ErrorKind::NotFound,
        (_, "BucketAlreadyExists" | "BucketAlreadyOwnedByYou") => ErrorKind::NameTaken,
        (_, "InvalidAccessKeyId" | "SignatureDoesNotMatch") | (401, _) => ErrorKind::Unauthorized,
        (_, "TooManyBuckets" | "QuotaExceeded") => ErrorKind::Quota,
        (429, _) => ErrorKind::RateLimited,
        (403, _) => ErrorKind::Forbidden,
        (409, _) => ErrorKind::Busy,
        // `SlowDown` names no window to wait for.
        (503, _) => ErrorKind::Unavailable,
        (500..=599, _) => ErrorKind::Unanswered,
        (400..=499, _) => ErrorKind::Invalid,
        _ => ErrorKind::MalformedResponse,
    }
}

fn hint(kind: ErrorKind) -> Option<String> {
    let hint = match kind {
        ErrorKind::Unauthorized => {
            "the keys in SPACES_ACCESS_KEY_ID and SPACES_SECRET_ACCESS_KEY are refused; make a pair \
             at https://cloud.digitalocean.com/account/api/spaces"
        }
        ErrorKind::Forbidden => "the key pair for Spaces needs full access, to make buckets too",
        ErrorKind::NameTaken => {
            "names of buckets are shared by everybody: set another `bucket` in infra.toml"
        }
        ErrorKind::Quota => "the account has as many buckets as it may: remove one",
        _ => return None,
    };
    Some(hint.to_owned())
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    let mut current = error;
    while let Some(source) = current.source() {
        current = source;
    }
    current.to_string()
}
