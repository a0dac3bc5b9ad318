//! Bootstrap tokens as Secrets in kube-system.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::stand_in::TokenSpec;

/// Makes the Secret of a token.
pub fn secret(token: &TokenSpec) -> Value {
    let mut data = serde_json::Map::new();
    let mut put = |key: &str, value: &str| {
        data.insert(key.to_owned(), STANDARD.encode(value).into());
    };
    put("token-id", &token.id);
    put("token-secret", &token.secret);
    if !token.description.is_empty() {
        put("description", &token.description);
    }
    if let Some(expires) = &token.expires {
        put("expiration", expires);
    }
    for usage in &token.usages {
        put(&format!("usage-bootstrap-{usage}"), "true");
    }
    if !token.groups.is_empty() {
        put("auth-extra-groups", &token.groups.join(","));
    }
    json!({
        "apiVersion": "v1", "kind": "Secret", "type": "bootstrap.kubernetes.io/token",
        "metadata": {"name": format!("bootstrap-token-{}", token.id), "namespace": "kube-system"},
        "data": data,
    })
}

/// A token read from its Secret.
pub struct StoredToken {
    pub id: String,
    pub secret: String,
    pub signing: bool,
    pub expires: Option<Timestamp>,
}

impl StoredToken {
    /// Reads a Secret; `None` when it is no token.
    pub fn read(secret: &Value) -> Option<Self> {
        if secret["type"] != "bootstrap.kubernetes.io/token" {
            return None;
        }
        let get = |key: &str| {
            let encoded = secret["data"][key].as_str()?;
            String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
        };
        Some(Self {
            id: get("token-id")?,
            secret: get("token-secret")?,
            signing: get("usage-bootstrap-signing").as_deref() == Some("true"),
            // What can't be read counts as expired.
            expires: get("expiration").map(|t| t.parse().unwrap_or(Timestamp::UNIX_EPOCH)),
        })
    }

    /// Returns true if its time is over.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|at| at <= now)
    }
}
