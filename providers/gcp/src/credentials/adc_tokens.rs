//! Tokens of application default credentials: Google's library gets them, and keeps each until some
//! minutes before its end.

use std::{
    error::Error as _,
    time::{Duration, SystemTime},
};

use async_trait::async_trait;
use google_cloud_auth::{credentials::AccessTokenCredentials, errors::CredentialsError};
use infra_provider_api::{CloudError, ErrorKind, KubeCredential, KubeToken};
use secrecy::SecretString;

use super::{LOGIN_HINT, token_refusal, token_refusal::TokenRefusal};

const OPERATION: &str = "get an access token";
/// Longest wait for a token.
const TIMEOUT: Duration = Duration::from_secs(30);
/// The library renews a token this long before its end, and does not tell the end itself.
const GOOD_FOR: Duration = Duration::from_secs(240);

/// Tokens that Google's library gets.
#[derive(Debug)]
pub(super) struct AdcTokens(AccessTokenCredentials);

impl AdcTokens {
    pub(super) fn new(credentials: AccessTokenCredentials) -> Self {
        Self(credentials)
    }
}

#[async_trait]
impl KubeToken for AdcTokens {
    async fn token(&self) -> Result<KubeCredential, CloudError> {
        let Ok(answer) = tokio::time::timeout(TIMEOUT, self.0.access_token()).await else {
            let message = format!("no answer within {} s", TIMEOUT.as_secs());
            return Err(CloudError::new(ErrorKind::Unavailable, OPERATION, message));
        };
        let token = SecretString::from(answer.map_err(|error| refused(&error))?.token);
        Ok(KubeCredential { token, ends: Some(SystemTime::now() + GOOD_FOR) })
    }
}

/// Makes the error for credentials that got no token.
fn refused(error: &CredentialsError) -> CloudError {
    if let Some(refusal) = refusal(error) {
        return refusal.error(OPERATION).with_hint(LOGIN_HINT);
    }
    let cause = innermost(error);
    if error.is_transient() {
        return CloudError::new(ErrorKind::Unavailable, OPERATION, cause);
    }
    CloudError::new(ErrorKind::Unauthorized, OPERATION, cause).with_hint(LOGIN_HINT)
}

/// Finds the answer of the token server in the text of the library's error, which keeps it nowhere else.
fn refusal(error: &CredentialsError) -> Option<TokenRefusal> {
    let mut current: Option<&dyn std::error::Error> = Some(error);
    while let Some(one) = current {
        let text = one.to_string();
        if let Some((_, rest)) = text.split_once("body=<")
            && let Some((body, _)) = rest.rsplit_once('>')
            && let Some(refusal) = token_refusal::parse(body.as_bytes())
        {
            return Some(refusal);
        }
        current = one.source();
    }
    None
}

fn innermost(error: &CredentialsError) -> String {
    let mut current: &dyn std::error::Error = error;
    while let Some(source) = current.source() {
        current = source;
    }
    if error.source().is_some() {
        current.to_string()
    } else {
        "there are no credentials".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(body: &str) -> CloudError {
        refused(&CredentialsError::from_msg(false, format!("failed to refresh, body=<{body}>")))
    }

    #[test]
    fn an_expired_login_is_named() {
        let grant = error(
            r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#,
        );
        assert_eq!(grant.kind, ErrorKind::Unauthorized);
        assert!(grant.message.contains("expired or was revoked"), "{grant}");
        assert!(
            grant.hint.is_some_and(|hint| hint.contains("gcloud auth application-default login"))
        );
        let rapt = error(
            r#"{"error":"invalid_grant","error_subtype":"invalid_rapt","error_description":"reauth related error"}"#,
        );
        assert!(rapt.message.contains("wants a new one"), "{rapt}");
        let client = error(
            r#"{"error":"invalid_client","error_description":"The OAuth client was not found."}"#,
        );
        assert!(client.message.contains("OAuth client"), "{client}");
    }

    #[test]
    fn what_passes_is_unavailable() {
        let lost = CredentialsError::from_msg(true, "connection refused");
        assert_eq!(refused(&lost).kind, ErrorKind::Unavailable);
    }
}
