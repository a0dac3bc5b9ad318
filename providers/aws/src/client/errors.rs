//! Every refusal of AWS as an [`ErrorKind`]: retries and exit codes hang on this and on nothing
//! else.

use aws_sdk_ec2::{
    error::{ProvideErrorMetadata, SdkError},
    operation::RequestId,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_types::date_time::{DateTime, Format};
use infra_provider_api::{CLOCK_HINT, CloudError, ErrorKind, Proxy, clock_skew};

/// What every operation's error can do.
pub(crate) mod sdk {
    use super::ProvideErrorMetadata;

    /// An operation's own error.
    pub(crate) trait OperationError:
        ProvideErrorMetadata + std::error::Error + Send + Sync + 'static
    {
    }
    impl<T: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static> OperationError for T {}
}

/// Returns true if the error has this code. The message begins with it, so that a kind can
/// distinguish refusals.
pub(crate) fn is_code(error: &CloudError, code: &str) -> bool {
    error.message.strip_prefix(code).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

/// Sorts an SDK error. `operation` names what was tried.
pub(crate) fn mapped<E: sdk::OperationError>(
    operation: &str,
    error: &SdkError<E, HttpResponse>,
) -> CloudError {
    let request_id = error
        .request_id()
        .map(str::to_owned)
        .or_else(|| error.as_service_error()?.meta().extra("aws_request_id").map(str::to_owned))
        .filter(|id| !id.is_empty());
    let status = error.raw_response().map_or(0, |answer| answer.status().as_u16());
    let code = error.code().unwrap_or_default();
    let (kind, message) = match error {
        SdkError::ServiceError(_) if !code.is_empty() => {
            let said = error.message().unwrap_or("no reason given");
            (of_code(code, said, status), format!("{code}: {said}"))
        }
        SdkError::ServiceError(_) if status < 300 => (ErrorKind::MalformedResponse, chain(error)),
        SdkError::ServiceError(_) => (of_status(status), format!("HTTP {status}")),
        SdkError::TimeoutError(_) => (ErrorKind::Unanswered, "no answer in time".to_owned()),
        SdkError::ResponseError(_) => (ErrorKind::MalformedResponse, chain(error)),
        SdkError::DispatchFailure(_) => of_dispatch(chain(error)),
        _ => (ErrorKind::Invalid, chain(error)),
    };
    if let Some(skewed) = skewed(operation, kind, code, error) {
        return skewed;
    }
    let proxy = match error {
        SdkError::DispatchFailure(failure) if failure.is_io() || failure.is_timeout() => {
            Proxy::of(&host())
        }
        _ => None,
    };
    let message = match &proxy {
        Some(proxy) => format!("{message} (through {})", proxy.text()),
        None => message,
    };
    let mut mapped = CloudError::new(kind, operation, message);
    mapped.request_id = request_id;
    mapped.hint = proxy.map(|proxy| proxy.hint()).or_else(|| hint(kind, code).map(str::to_owned));
    mapped
}

/// Returns the host that AWS's services are at, for the exceptions of a proxy.
fn host() -> String {
    let endpoint = std::env::var("AWS_ENDPOINT_URL").ok();
    let named = endpoint.as_deref().and_then(|url| url.split_once("://"));
    let named = named.and_then(|(_, rest)| rest.split(['/', ':']).next());
    named.filter(|host| !host.is_empty()).unwrap_or("amazonaws.com").to_owned()
}

/// Recognizes a refusal of the signature because one of the two clocks is wrong. Services say so by many codes; the
/// date of the answer tells.
fn skewed<E: sdk::OperationError>(
    operation: &str,
    kind: ErrorKind,
    code: &str,
    error: &SdkError<E, HttpResponse>,
) -> Option<CloudError> {
    let date = error.raw_response().and_then(|answer| answer.headers().get("date"));
    let date = date.and_then(|text| DateTime::from_str(text, Format::HttpDate).ok());
    let by = date.and_then(|date| clock_skew(date.secs()));
    let refused = kind == ErrorKind::Unauthorized && by.is_some();
    if code != "RequestTimeTooSkewed" && !refused {
        return None;
    }
    let by = by.unwrap_or_else(|| "more than it takes".to_owned());
    let message = format!("{code}: this machine's clock differs from AWS's by {by}");
    Some(CloudError::new(ErrorKind::Local, operation, message).with_hint(CLOCK_HINT))
}

/// Joins the whole chain of causes: the last one says the most. None of them holds a secret.
fn chain<E: sdk::OperationError>(error: &SdkError<E, HttpResponse>) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text.chars().take(300).collect()
}

fn of_dispatch(text: String) -> (ErrorKind, String) {
    let about = |words: &[&str]| words.iter().any(|word| text.contains(word));
    if about(&["credential", "Credential", "identity", "sso", "SSO"]) {
        (ErrorKind::Unauthorized, text)
    } else if about(&["Connection refused", "dns error", "failed to lookup", "unreachable"]) {
        (ErrorKind::Unavailable, text)
    } else {
        (ErrorKind::Unanswered, text)
    }
}

fn of_status(status: u16) -> ErrorKind {
    match status {
        401 => ErrorKind::Unauthorized,
        403 => ErrorKind::Forbidden,
        404 => ErrorKind::NotFound,
        409 => ErrorKind::Busy,
        429 => ErrorKind::RateLimited,
        503 => ErrorKind::Unavailable,
        500..=599 => ErrorKind::Unanswered,
        _ => ErrorKind::Invalid,
    }
}

/// Sorts AWS's codes by its documents: "Error codes for the Amazon EC2 API", "Common errors" of
/// each service.
fn of_code(code: &str, said: &str, status: u16) -> ErrorKind {
    match code {
        "AuthFailure"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "InvalidAccessKeyId"
        | "MissingAuthenticationToken"
        | "IncompleteSignature"
        | "InvalidToken"
        | "NotSignedUp" => ErrorKind::Unauthorized,
        "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "OptInRequired"
        | "Blocked"
        | "PendingVerification" => ErrorKind::Forbidden,
        "RequestLimitExceeded"
        | "Throttling"
        | "ThrottlingException"
        | "ThrottledException"
        | "TooManyRequestsException"
        | "SlowDown"
        | "EC2ThrottledException"
        | "RequestThrottled" => ErrorKind::RateLimited,
        "ServiceUnavailable" | "Unavailable" | "ServerInternal" => ErrorKind::Unavailable,
        "InternalError" | "InternalFailure" => ErrorKind::Unanswered,
        "DependencyViolation"
        | "IncorrectState"
        | "IncorrectInstanceState"
        | "VolumeInUse"
        | "ResourceInUse"
        | "ResourceInUseException"
        | "InvalidGroup.InUse"
        | "OperationAborted"
        | "PriorRequestNotComplete"
        | "DeleteConflict"
        | "BucketNotEmpty"
        | "ConcurrentModification"
        | "InvalidIPAddress.InUse"
        | "Gateway.NotAttached"
        | "EntityTemporarilyUnmodifiable"
        | "IncorrectModificationState"
        | "InvalidTarget" => ErrorKind::Busy,
        // A protection that somebody switched on.
        "OperationNotPermitted" => ErrorKind::Blocked,
        // A profile that was just made is not known everywhere yet.
        "InvalidParameterValue" if said.to_lowercase().contains("instance profile") => {
            ErrorKind::Busy
        }
        // The same for a role in a bucket's or a profile's policy.
        "MalformedPolicy" if said.contains("rincipal") => ErrorKind::Busy,
        "BucketAlreadyExists"
        | "BucketAlreadyOwnedByYou"
        | "DuplicateLoadBalancerName"
        | "DuplicateTargetGroupName"
        | "DuplicateListener"
        | "EntityAlreadyExists"
        | "EntityAlreadyExistsException"
        | "InvalidKeyPair.Duplicate"
        | "InvalidGroup.Duplicate"
        | "HostedZoneAlreadyExists"
        | "Resource.AlreadyAssociated"
        | "RouteAlreadyExists"
        | "InvalidSubnet.Conflict"
        | "InvalidPermission.Duplicate" => ErrorKind::NameTaken,
        "InsufficientInstanceCapacity"
        | "InsufficientFreeAddressesInSubnet"
        | "InsufficientAddressCapacity"
        | "InsufficientCapacity"
        | "MaxIOPSLimitExceeded"
        | "TooManyLoadBalancers"
        | "TooManyTargetGroups"
        | "TooManyHostedZones"
        | "TooManyBuckets"
        | "TooManyTags"
        | "TooManyListeners" => ErrorKind::Quota,
        code if code.ends_with("LimitExceeded") || code.ends_with("LimitExceededException") => {
            ErrorKind::Quota
        }
        code if code.contains("NotFound") || code.starts_with("NoSuch") => ErrorKind::NotFound,
        _ if status >= 500 => of_status(status),
        _ => ErrorKind::Invalid,
    }
}

fn hint(kind: ErrorKind, code: &str) -> Option<&'static str> {
    Some(match (kind, code) {
        (_, "ExpiredToken" | "ExpiredTokenException" | "RequestExpired") => {
            "the session is over: log in again (`aws sso login`, or fresh keys), then run the same \
             command again"
        }
        (_, "OptInRequired" | "NotSignedUp") => {
            "the account has not enabled this region or service: enable it in the AWS console"
        }
        (ErrorKind::Unauthorized, _) => {
            "check AWS_PROFILE, AWS_ACCESS_KEY_ID or `aws sso login`; `aws sts \
             get-caller-identity` tells who you are"
        }
        (ErrorKind::Forbidden, _) => "docs/providers/aws.md lists the permissions that a run needs",
        (_, "InsufficientInstanceCapacity") => {
            "AWS has no such machine free in that zone just now: wait, name another type, or other \
             `zones`"
        }
        (ErrorKind::Quota, _) => {
            "ask for more at https://console.aws.amazon.com/servicequotas, then run the same \
             command again: what is done stays done"
        }
        (_, "InvalidAMIID.NotFound" | "InvalidAMIID.Unavailable") => {
            "the pinned image was withdrawn: `infra apply --replace` with the address of the image \
             picks the newest one"
        }
        (_, "BucketAlreadyExists") => {
            "bucket names are shared by all accounts: choose another one, `bucket` under [artifacts]"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_by_what_can_be_done() {
        let kind = |code: &str| of_code(code, "", 400);
        assert_eq!(kind("VcpuLimitExceeded"), ErrorKind::Quota);
        assert_eq!(kind("InvalidVpcID.NotFound"), ErrorKind::NotFound);
        assert_eq!(kind("NoSuchEntity"), ErrorKind::NotFound);
        assert_eq!(kind("DependencyViolation"), ErrorKind::Busy);
        assert_eq!(kind("OperationNotPermitted"), ErrorKind::Blocked);
        assert_eq!(kind("RequestLimitExceeded"), ErrorKind::RateLimited);
        assert_eq!(kind("InvalidParameterValue"), ErrorKind::Invalid);
        let profile = "Value (x) for parameter iamInstanceProfile.name is invalid. Invalid IAM \
                       Instance Profile name";
        assert_eq!(of_code("InvalidParameterValue", profile, 400), ErrorKind::Busy);
        assert_eq!(of_code("Weird", "", 503), ErrorKind::Unavailable);
    }

    #[test]
    fn a_code_is_compared_whole() {
        let error = CloudError::new(ErrorKind::Busy, "x", "DependencyViolation: in use");
        assert!(is_code(&error, "DependencyViolation") && !is_code(&error, "Dependency"));
    }
}
