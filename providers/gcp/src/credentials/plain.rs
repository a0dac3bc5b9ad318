//! Tokens that somebody else got, and that are used as they are.

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use infra_provider_api::{CloudError, ErrorKind, KubeCredential, KubeToken};
use secrecy::SecretString;

use super::{FoundCredentials, OPERATION, TOKEN_FILE_VARIABLE, TOKEN_VARIABLE};

/// A token from the environment.
#[derive(Debug)]
struct PlainToken(SecretString);

/// A token in a file. Whoever renews it writes the file, so it is read each time.
#[derive(Debug)]
struct TokenFile(PathBuf);

/// Takes the token of the environment.
pub(super) fn from_variable(text: &str) -> Result<FoundCredentials, CloudError> {
    let token = checked(text, TOKEN_VARIABLE)?;
    Ok(found(Arc::new(PlainToken(token))))
}

/// Takes the tokens that a file holds.
pub(super) fn from_file(path: PathBuf) -> FoundCredentials {
    found(Arc::new(TokenFile(path)))
}

fn found(tokens: Arc<dyn super::Tokens>) -> FoundCredentials {
    let who = "access token".to_owned();
    FoundCredentials { tokens, who, project: None, quota_project: None, is_user: false }
}

fn checked(text: &str, place: &str) -> Result<SecretString, CloudError> {
    let text = text.trim();
    // A header can't carry anything else, and a pasted line break is a common slip.
    if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
        let message = format!("{place} does not hold an access token");
        return Err(CloudError::new(ErrorKind::Unauthorized, OPERATION, message)
            .with_hint("get one with `gcloud auth print-access-token`"));
    }
    Ok(SecretString::from(text))
}

#[async_trait]
impl KubeToken for PlainToken {
    async fn token(&self) -> Result<KubeCredential, CloudError> {
        Ok(KubeCredential { token: self.0.clone(), ends: None })
    }
}

#[async_trait]
impl KubeToken for TokenFile {
    async fn token(&self) -> Result<KubeCredential, CloudError> {
        let text = tokio::fs::read_to_string(&self.0).await.map_err(|error| {
            let path = self.0.display();
            let message = format!("cannot read {path}, the file of {TOKEN_FILE_VARIABLE}: {error}");
            CloudError::new(ErrorKind::Unauthorized, OPERATION, message)
        })?;
        Ok(KubeCredential { token: checked(&text, TOKEN_FILE_VARIABLE)?, ends: None })
    }
}
