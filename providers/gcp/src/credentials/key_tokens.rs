//! Tokens of a service account's key. Google's library makes tokens of such a key that it signs itself: the
//! APIs take them, and API servers of clusters don't. So the signed text is exchanged for a token that both
//! take.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use google_cloud_auth::{credentials::service_account, signer::Signer};
use infra_provider_api::{CloudError, ErrorKind, KubeCredential, KubeToken};
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::token_refusal;

const OPERATION: &str = "get an access token";
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const TIMEOUT: Duration = Duration::from_secs(30);
/// How long a signed text holds, which is also how long Google makes the token hold.
const LIFETIME_S: u64 = 3_600;
/// A token is got again this long before its end.
const RENEW_BEFORE: Duration = Duration::from_secs(300);

/// Tokens that a key gets.
#[derive(Debug)]
pub(super) struct KeyTokens {
    signer: Signer,
    key_id: String,
    email: String,
    scope: &'static str,
    token_url: Url,
    kept: tokio::sync::Mutex<Option<KubeCredential>>,
}

impl KeyTokens {
    /// Takes the key of a file.
    ///
    /// # Errors
    /// Says what is wrong with the file.
    pub(super) fn new(file: &Value, scope: &'static str) -> Result<Self, String> {
        let text = |name: &str| file.get(name).and_then(Value::as_str).map(str::to_owned);
        let email = text("client_email").ok_or("has no client_email")?;
        let token_url = text("token_uri").unwrap_or_else(|| TOKEN_URL.to_owned());
        // Whoever gets the signed text can have tokens of the account.
        let token_url = crate::connection::endpoint_url("token_uri", &token_url, TOKEN_URL)
            .map_err(|error| format!("can't be used: {}", error.message))?;
        let signer = service_account::Builder::new(file.clone()).build_signer();
        let signer = signer.map_err(|_| "is not as Google's tools write it")?;
        let key_id = text("private_key_id").unwrap_or_default();
        Ok(Self { signer, key_id, email, scope, token_url, kept: tokio::sync::Mutex::default() })
    }

    /// Signs that the account wants a token.
    async fn assertion(&self, now_s: u64) -> Result<String, CloudError> {
        let encoded = |json: Value| URL_SAFE_NO_PAD.encode(json.to_string());
        let header = encoded(json!({"alg": "RS256", "typ": "JWT", "kid": self.key_id}));
        let claims = encoded(json!({
            "iss": self.email,
            "scope": self.scope,
            "aud": self.token_url.as_str().trim_end_matches('/'),
            "iat": now_s,
            "exp": now_s + LIFETIME_S,
        }));
        let text = format!("{header}.{claims}");
        let signature = self.signer.sign(&text).await.map_err(|_| {
            let message = format!("the private key of {} can't be used", self.email);
            CloudError::new(ErrorKind::Unauthorized, OPERATION, message)
                .with_hint("make another key for the account, and use its file")
        })?;
        Ok(format!("{text}.{}", URL_SAFE_NO_PAD.encode(&signature)))
    }

    async fn exchange(&self, now: SystemTime) -> Result<KubeCredential, CloudError> {
        let now_s = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let assertion = self.assertion(now_s).await?;
        let form = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", GRANT)
            .append_pair("assertion", &assertion)
            .finish();
        let unavailable = |error: reqwest::Error| {
            let message = format!("{} gives no answer: {error}", self.token_url);
            CloudError::new(ErrorKind::Unavailable, OPERATION, message)
        };
        let client = reqwest::Client::builder().timeout(TIMEOUT).build().map_err(unavailable)?;
        // The base of an endpoint ends with a slash, and this is none.
        let url = self.token_url.as_str().trim_end_matches('/');
        let request = client.post(url).body(form);
        let request = request.header("content-type", "application/x-www-form-urlencoded");
        let answer = request.send().await.map_err(unavailable)?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(unavailable)?;
        if !status.is_success() {
            let passes = status.is_server_error() || status.as_u16() == 429;
            let unexplained = || {
                let kind = if passes { ErrorKind::Unavailable } else { ErrorKind::Unauthorized };
                CloudError::new(kind, OPERATION, format!("status {status} with no explanation"))
            };
            return Err(token_refusal::parse(&body)
                .map_or_else(unexplained, |refusal| refusal.of_key(OPERATION, &self.email)));
        }
        let answer: Answer = serde_json::from_slice(&body).map_err(|_| {
            let message = "the answer makes no sense";
            CloudError::new(ErrorKind::MalformedResponse, OPERATION, message)
        })?;
        let ends = now + Duration::from_secs(answer.expires_in);
        Ok(KubeCredential { token: SecretString::from(answer.access_token), ends: Some(ends) })
    }
}

#[derive(Deserialize)]
struct Answer {
    access_token: String,
    #[serde(default)]
    expires_in: u64,
}

#[async_trait]
impl KubeToken for KeyTokens {
    async fn token(&self) -> Result<KubeCredential, CloudError> {
        // Held while asking: whoever comes meanwhile takes the same token.
        let mut kept = self.kept.lock().await;
        let now = SystemTime::now();
        let is_good = |one: &&KubeCredential| one.ends.is_some_and(|end| now + RENEW_BEFORE < end);
        if let Some(good) = kept.as_ref().filter(is_good) {
            return Ok(good.clone());
        }
        let fresh = self.exchange(now).await?;
        *kept = Some(fresh.clone());
        Ok(fresh)
    }
}

#[cfg(test)]
mod tests;
