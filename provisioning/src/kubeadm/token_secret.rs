//! The Secret of a bootstrap token, for nodes that come after the first apply.

use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};

/// Makes the Secret `bootstrap-token-<id>` of kube-system as an object for the API server;
/// `expires` is RFC 3339. It returns `None` if the token has no dot. The object holds the token in
/// plain text.
pub fn bootstrap_token_secret(
    token: &SecretString,
    description: &str,
    expires: &str,
) -> Option<Value> {
    let (id, secret) = token.expose_secret().split_once('.')?;
    Some(json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": format!("bootstrap-token-{id}"),
            "namespace": "kube-system",
        },
        "type": "bootstrap.kubernetes.io/token",
        "stringData": {
            "token-id": id,
            "token-secret": secret,
            "description": description,
            "expiration": expires,
            "usage-bootstrap-authentication": "true",
            "usage-bootstrap-signing": "true",
            "auth-extra-groups": "system:bootstrappers:kubeadm:default-node-token",
        },
    }))
}
