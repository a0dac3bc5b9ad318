//! Credentials: where tokens come from, in the order in which Google's own tools look.

mod adc;
mod adc_tokens;
mod gcloud_config;
mod key_tokens;
mod metadata;
mod plain;
mod token_refusal;

use std::{fmt::Debug, path::PathBuf, sync::Arc};

use google_cloud_auth::{
    credentials::{CacheableResource, Credentials, CredentialsProvider, EntityTag},
    errors::CredentialsError,
};
use http::{Extensions, HeaderMap, HeaderValue, header::AUTHORIZATION};
use infra_cloud::CloudEnv;
use infra_provider_api::{CloudError, ErrorKind, KubeToken};
use secrecy::{ExposeSecret, SecretString};

pub(crate) use gcloud_config::active_project;

/// The token that tools for Google take from the environment as it is.
pub(crate) const TOKEN_VARIABLE: &str = "GOOGLE_OAUTH_ACCESS_TOKEN";
const TOKEN_FILE_VARIABLE: &str = "CLOUDSDK_AUTH_ACCESS_TOKEN_FILE";
const KEY_FILE_VARIABLE: &str = "GOOGLE_APPLICATION_CREDENTIALS";
/// What helps where there are no credentials, or none that are good any more.
pub(crate) const LOGIN_HINT: &str = "run `gcloud auth application-default login`, or set \
                                     GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account";
pub(crate) const OPERATION: &str = "connect to Google Cloud";

/// Where access tokens come from. The same ones are good for Google's APIs and for the API server of a
/// cluster.
pub trait Tokens: KubeToken + Debug {}

impl<T: KubeToken + Debug> Tokens for T {}

/// Credentials, with what they say about themselves.
#[derive(Debug)]
pub(crate) struct FoundCredentials {
    pub(crate) tokens: Arc<dyn Tokens>,
    /// Whose they are: an e-mail, or their kind.
    pub(crate) who: String,
    /// The project that they name.
    pub(crate) project: Option<String>,
    /// The project that they name for quotas.
    pub(crate) quota_project: Option<String>,
    /// Whether a person logged in: then Google wants a project for quotas in each call.
    pub(crate) is_user: bool,
}

/// Finds the credentials of the environment.
///
/// # Errors
/// Returns `Unauthorized` if there are none, or if they can't be read.
pub(crate) async fn find(env: &CloudEnv) -> Result<FoundCredentials, CloudError> {
    if let Some(token) = env.filled(TOKEN_VARIABLE) {
        return plain::from_variable(&token);
    }
    // What else there is belongs to the real cloud.
    if env.only {
        let message = format!("no token: {TOKEN_VARIABLE} is not set");
        return Err(CloudError::new(ErrorKind::Unauthorized, OPERATION, message));
    }
    if let Some(path) = env.filled(TOKEN_FILE_VARIABLE) {
        return Ok(plain::from_file(PathBuf::from(path)));
    }
    if let Some(path) = env.filled(KEY_FILE_VARIABLE) {
        return adc::read(&PathBuf::from(path), Some(KEY_FILE_VARIABLE));
    }
    if let Some(path) = gcloud_config::folder(env).map(|folder| folder.join(adc::FILE))
        && path.exists()
    {
        return adc::read(&path, None);
    }
    metadata::find(env).await?.ok_or_else(|| {
        let message = format!(
            "no credentials: neither {TOKEN_VARIABLE} nor {KEY_FILE_VARIABLE} is set, and nobody logged in"
        );
        CloudError::new(ErrorKind::Unauthorized, OPERATION, message)
            .with_hint(format!("{LOGIN_HINT}; or try it all without an account: --sim"))
    })
}

/// Gives Google's own clients the tokens of [`Tokens`].
#[derive(Debug)]
struct GivenTokens {
    tokens: Arc<dyn Tokens>,
    quota_project: Option<String>,
}

/// Makes the credentials that Google's own clients take.
pub(crate) fn for_google(tokens: Arc<dyn Tokens>, quota_project: Option<String>) -> Credentials {
    Credentials::from(GivenTokens { tokens, quota_project })
}

impl CredentialsProvider for GivenTokens {
    async fn headers(
        &self,
        _extensions: Extensions,
    ) -> Result<CacheableResource<HeaderMap>, CredentialsError> {
        let refused =
            |error: CloudError| CredentialsError::from_source(error.is_transient(), error);
        let token = self.tokens.token().await.map_err(refused)?.token;
        let data = headers(&token, self.quota_project.as_deref()).map_err(refused)?;
        Ok(CacheableResource::New { entity_tag: EntityTag::new(), data })
    }

    async fn universe_domain(&self) -> Option<String> {
        None
    }
}

/// Makes the headers that say who calls.
pub(crate) fn headers(
    token: &SecretString,
    quota_project: Option<&str>,
) -> Result<HeaderMap, CloudError> {
    let wrong = |what: &str| {
        let message = format!("{what} holds characters that can't be sent");
        CloudError::new(ErrorKind::Unauthorized, OPERATION, message)
    };
    let bearer = format!("Bearer {}", token.expose_secret());
    let mut bearer = HeaderValue::try_from(bearer).map_err(|_| wrong("the access token"))?;
    bearer.set_sensitive(true);
    let mut headers = HeaderMap::from_iter([(AUTHORIZATION, bearer)]);
    if let Some(project) = quota_project {
        let project = HeaderValue::try_from(project).map_err(|_| wrong("the quota project"))?;
        headers.insert("x-goog-user-project", project);
    }
    Ok(headers)
}

#[cfg(test)]
mod tests;
