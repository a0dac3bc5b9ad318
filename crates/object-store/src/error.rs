//! What can go wrong with an S3 store. Errors name bucket, key and the vendor's request id, never
//! a credential or a signed URL.

use aws_sdk_s3::error::{DisplayErrorContext, ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use infra_provider_api::{Proxy, clock_skew};

/// An error of the store, by what the caller can do about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The settings cannot work; nothing was called.
    #[error("object store settings: {0}")]
    Config(String),
    /// No such bucket or object.
    #[error("{what} does not exist{request}")]
    NotFound {
        /// `s3://bucket/key`.
        what: String,
        /// ` (request …)`, or empty.
        request: String,
    },
    /// The key may not do this, or the secret is wrong.
    #[error(
        "access denied: {action} {what} ({code}){request}; check the access key and what it may do"
    )]
    AccessDenied {
        /// Verb.
        action: &'static str,
        /// `s3://bucket/key`.
        what: String,
        /// The vendor's code.
        code: String,
        /// ` (request …)`, or empty.
        request: String,
    },
    /// The signature is refused because one of the two clocks is wrong.
    #[error(
        "cannot {action} {what}: {code}: this machine's clock differs from the store's by {by}{request}"
    )]
    Skewed {
        /// Verb.
        action: &'static str,
        /// `s3://bucket/key`.
        what: String,
        /// The vendor's code.
        code: String,
        /// `310 days (it is ahead)`.
        by: String,
        /// ` (request …)`, or empty.
        request: String,
    },
    /// The bucket's name belongs to someone else.
    #[error(
        "the bucket name `{bucket}` is taken by another account{request}; choose another cluster name or bucket"
    )]
    NameTaken {
        /// The name.
        bucket: String,
        /// ` (request …)`, or empty.
        request: String,
    },
    /// A conditional write found something else.
    #[error("{what} was there already (a conditional write was refused){request}")]
    Precondition {
        /// `s3://bucket/key`.
        what: String,
        /// ` (request …)`, or empty.
        request: String,
    },
    /// The bucket still holds objects.
    #[error("the bucket `{bucket}` is not empty{request}")]
    NotEmpty {
        /// The name.
        bucket: String,
        /// ` (request …)`, or empty.
        request: String,
    },
    /// The store did not answer, or said that it cannot now. Tried several times.
    #[error("cannot {action} {what}: the store is unavailable: {reason}{request}")]
    Unavailable {
        /// Verb.
        action: &'static str,
        /// `s3://bucket/key`.
        what: String,
        /// What it said.
        reason: String,
        /// ` (request …)`, or empty.
        request: String,
    },
    /// Any other answer.
    #[error("cannot {action} {what}: {code}: {reason}{request}")]
    Refused {
        /// Verb.
        action: &'static str,
        /// `s3://bucket/key`.
        what: String,
        /// The vendor's code.
        code: String,
        /// What it said.
        reason: String,
        /// ` (request …)`, or empty.
        request: String,
    },
    /// A local file could not be read.
    #[error("cannot read {path}: {source}", path = path.display())]
    Local {
        /// The file.
        path: std::path::PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
}

impl StoreError {
    /// Returns true if the same call may work later.
    pub fn is_transient(&self) -> bool {
        matches!(self, StoreError::Unavailable { .. })
    }

    /// Returns true if the thing is not there.
    pub fn is_not_found(&self) -> bool {
        matches!(self, StoreError::NotFound { .. })
    }
}

/// Which call on which thing: the context of every error.
#[derive(Clone)]
pub(crate) struct Call<'a> {
    pub action: &'static str,
    pub bucket: &'a str,
    pub key: &'a str,
    /// The store's host.
    pub host: &'a str,
}

impl Call<'_> {
    pub fn what(&self) -> String {
        if self.key.is_empty() {
            format!("s3://{}", self.bucket)
        } else {
            format!("s3://{}/{}", self.bucket, self.key)
        }
    }

    /// Sorts an SDK error.
    pub fn error<E>(&self, e: SdkError<E, HttpResponse>) -> StoreError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        SdkError<E, HttpResponse>: RequestId,
    {
        let request = e.request_id().map(|r| format!(" (request {r})")).unwrap_or_default();
        let status = e.raw_response().map(|r| r.status().as_u16()).unwrap_or(0);
        let (action, what) = (self.action, self.what());
        let code = e.code().map(str::to_string).unwrap_or_else(|| match status {
            0 => "no answer".into(),
            s => format!("HTTP {s}"),
        });
        let said = e.message().map(str::to_string);
        let reason = said.unwrap_or_else(|| match &e {
            SdkError::DispatchFailure(failure) => {
                let reason = short(&innermost(&e));
                match Proxy::of(self.host).filter(|_| failure.is_io() || failure.is_timeout()) {
                    Some(proxy) => {
                        format!("{reason} (through {}; {})", proxy.text(), proxy.hint())
                    }
                    None => reason,
                }
            }
            _ => short(&DisplayErrorContext(&e).to_string()),
        });
        if matches!(e, SdkError::ConstructionFailure(_)) {
            return StoreError::Config(reason);
        }
        // A success whose body is not the store's: something on the way answered.
        if (200..300).contains(&status) {
            let reason = format!("no sense in its answer (HTTP {status})");
            return StoreError::Unavailable { action, what, reason, request };
        }
        let date = e.raw_response().and_then(|answer| answer.headers().get("date"));
        let date = date.and_then(|text| DateTime::from_str(text, DateTimeFormat::HttpDate).ok());
        let by = date.and_then(|date| clock_skew(date.secs()));
        if code == "RequestTimeTooSkewed" || (matches!(status, 401 | 403) && by.is_some()) {
            let by = by.unwrap_or_else(|| "more than it takes".to_owned());
            return StoreError::Skewed { action, what, code, by, request };
        }
        match (code.as_str(), status) {
            ("NoSuchKey" | "NoSuchBucket" | "NotFound" | "NoSuchUpload", _) | (_, 404) => {
                StoreError::NotFound { what, request }
            }
            ("BucketAlreadyExists", _) => {
                StoreError::NameTaken { bucket: self.bucket.into(), request }
            }
            ("BucketNotEmpty", _) => StoreError::NotEmpty { bucket: self.bucket.into(), request },
            ("PreconditionFailed" | "ConditionalRequestConflict", _) | (_, 412) => {
                StoreError::Precondition { what, request }
            }
            (_, 401 | 403) => StoreError::AccessDenied { action, what, code, request },
            ("SlowDown" | "RequestTimeout", _) | (_, 0 | 429 | 500..=599) => {
                StoreError::Unavailable { action, what, reason, request }
            }
            _ => StoreError::Refused { action, what, code, reason, request },
        }
    }
}

/// Returns the innermost cause of an error: `connection reset by peer`.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        text = inner.to_string();
        source = inner.source();
    }
    text
}

/// Cuts an error's text to its first line, up to the first ` (`, at most 300 characters.
fn short(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    line.split(" (").next().unwrap_or(line).chars().take(300).collect()
}
