//! Tokens for the API server of a cluster whose control plane the cloud runs.

use std::time::SystemTime;

use async_trait::async_trait;
use secrecy::SecretString;

use crate::CloudError;

/// A token for an API server.
#[derive(Clone, Debug)]
pub struct KubeCredential {
    /// The token.
    pub token: SecretString,
    /// When it ends, where that is known.
    pub ends: Option<SystemTime>,
}

/// Where tokens for the API server come from. They live for an hour or so: whoever needs one asks for
/// it each time, and gets the present one as long as it is good for some minutes more.
#[async_trait]
pub trait KubeToken: Send + Sync {
    /// Returns a token that is good for some minutes at least.
    ///
    /// # Errors
    /// Returns `Unauthorized` if there are no credentials, or if they are refused.
    async fn token(&self) -> Result<KubeCredential, CloudError>;
}
