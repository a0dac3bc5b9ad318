//! Two small controllers around bootstrap tokens: the one that signs `cluster-info` with every valid
//! token, and the one that deletes expired tokens.

use std::time::Duration;

use infra_sim_kube::{Clock, Resource, Store};
use jiff::Timestamp;
use serde_json::Value;

use super::tokens::StoredToken;
use crate::stand_in::sign_cluster_info;

/// How often expirations are looked at (simulated time).
const ROUND: Duration = Duration::from_secs(1);

/// Runs for ever.
pub async fn run(store: Store, clock: std::sync::Arc<Clock>) {
    let mut seen = None;
    loop {
        let now = Timestamp::now();
        let revision = round(&store, now, seen);
        seen = Some(revision);
        // Secrets are created through the API at any time; looking at one counter is cheap.
        clock.sleep(ROUND).await;
    }
}

/// Looks at all tokens once: it deletes the expired ones, and signs again if something has changed
/// since `seen`. It returns a fingerprint of what it saw.
fn round(store: &Store, now: Timestamp, seen: Option<u64>) -> u64 {
    let secrets = Resource::new("", "v1", "secrets");
    let (all, _) = store.list(&secrets, Some("kube-system"));
    let mut tokens = Vec::new();
    let mut print = 0u64;
    for object in &all {
        let Some(token) = StoredToken::read(object) else {
            continue;
        };
        if token.is_expired(now) {
            let name = object["metadata"]["name"].as_str().unwrap_or_default();
            if let Err(e) = store.delete(&secrets, Some("kube-system"), name) {
                tracing::debug!("an expired token stays: {e}");
            }
            continue;
        }
        let version = object["metadata"]["resourceVersion"].as_str().unwrap_or_default();
        print = print.wrapping_mul(31).wrapping_add(version.parse().unwrap_or(1));
        if token.signing {
            tokens.push(token);
        }
    }
    let print = print.wrapping_mul(31).wrapping_add(tokens.len() as u64);
    if seen != Some(print) {
        sign(store, &tokens);
    }
    print
}

/// Signs `cluster-info` with these tokens and removes other signatures.
pub fn sign(store: &Store, tokens: &[StoredToken]) {
    let config_maps = Resource::new("", "v1", "configmaps");
    let result =
        store.modify(&config_maps, Some("kube-public"), "cluster-info", &mut |info: &mut Value| {
            let Some(data) = info.get_mut("data").and_then(Value::as_object_mut) else {
                return;
            };
            let Some(text) = data.get("kubeconfig").and_then(|k| k.as_str().map(ToOwned::to_owned))
            else {
                return;
            };
            data.retain(|key, _| !key.starts_with("jws-kubeconfig-"));
            for token in tokens {
                if let Some(signature) = sign_cluster_info(&token.id, &token.secret, &text) {
                    data.insert(format!("jws-kubeconfig-{}", token.id), signature.into());
                }
            }
        });
    if let Err(e) = result {
        tracing::debug!("cluster-info is not signed: {e}");
    }
}

/// Looks at the tokens once, right now.
pub fn now(store: &Store) {
    round(store, Timestamp::now(), None);
}
