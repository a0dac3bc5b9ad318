//! Refusal of a token server: what it says when it gives no token.

use infra_provider_api::{CloudError, ErrorKind};
use serde::Deserialize;

/// What a token server says.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TokenRefusal {
    error: String,
    error_subtype: Option<String>,
    error_description: Option<String>,
}

/// Reads the body of a refusal, if it is one.
pub(super) fn parse(body: &[u8]) -> Option<TokenRefusal> {
    let refusal: TokenRefusal = serde_json::from_slice(body).ok()?;
    (!refusal.error.is_empty()).then_some(refusal)
}

impl TokenRefusal {
    /// Makes the error for a service account's key that got no token. Nobody logs in with one.
    pub(super) fn of_key(self, operation: &str, account: &str) -> CloudError {
        let description = self.error_description.unwrap_or_else(|| self.error.clone());
        let message = format!("the key of {account} is refused: {description}");
        CloudError::new(ErrorKind::Unauthorized, operation, message).with_hint(
            "check the clock of this machine, and that account and key still exist; \
             `gcloud iam service-accounts keys create` makes a new key",
        )
    }

    /// Makes the error for credentials that got no token.
    pub(super) fn error(self, operation: &str) -> CloudError {
        let description = self.error_description.unwrap_or_else(|| self.error.clone());
        let message = match (self.error_subtype.as_deref(), self.error.as_str()) {
            (Some("invalid_rapt"), _) => {
                "the login has expired: the organisation wants a new one now and then".to_owned()
            }
            (_, "invalid_grant") => format!("the login has expired or was revoked: {description}"),
            _ => format!("the credentials are refused: {description}"),
        };
        CloudError::new(ErrorKind::Unauthorized, operation, message)
    }
}
