//! Token discovery: a first look at `cluster-info` that trusts nobody, proven by the token's
//! signature and the pinned key, then TLS with the authority found there.

use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use http::{Method, StatusCode};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::kubeconfig::{self, Kubeconfig};
use super::types::TokenDiscovery;
use crate::stand_in::{Context, Failure, http as https};

const CLUSTER_INFO: &str = "/api/v1/namespaces/kube-public/configmaps/cluster-info";

/// A cluster that was found and proven to be the right one.
pub struct Found {
    /// The API server's address as configured in the cluster, and the authority.
    pub cluster: Kubeconfig,
    target: https::Target,
    token: String,
}

/// Pauses between two tries; scaled like all waits.
pub struct Patience {
    deadline: Instant,
    pause: Duration,
}

impl Patience {
    /// Gives up after `total` of simulated time.
    pub fn new(total: Duration, speed: f64) -> Self {
        Self {
            deadline: Instant::now() + total.div_f64(speed),
            pause: Duration::from_millis(500).div_f64(speed.clamp(1.0, 25.0)),
        }
    }

    /// Waits before the next try; false when the time is over.
    pub async fn again(&self) -> bool {
        if Instant::now() + self.pause > self.deadline {
            return false;
        }
        tokio::time::sleep(self.pause).await;
        true
    }
}

/// Finds the cluster behind a token; tries until `total` (of simulated time) has passed.
///
/// # Errors
/// Returns kubeadm's error if the server can't be reached, isn't the pinned one, or knows no such
/// token.
pub async fn find(
    context: &Context,
    discovery: &TokenDiscovery,
    total: Duration,
    speed: f64,
) -> Result<Found, Failure> {
    let patience = Patience::new(total, speed);
    let mut said = String::new();
    loop {
        match look(context, discovery).await {
            Ok(found) => return Ok(found),
            Err(Look::Final(reason)) => return Err(invalid(&reason)),
            Err(Look::Again(reason)) => {
                if reason != said {
                    println!(
                        "[discovery] Failed to request cluster-info, will try again: {reason}"
                    );
                    said.clone_from(&reason);
                }
                if !patience.again().await {
                    return Err(invalid(&reason));
                }
            }
        }
    }
}

enum Look {
    Again(String),
    Final(String),
}

fn invalid(reason: &str) -> Failure {
    Failure::new(format!(
        "error execution phase preflight: couldn't validate the identity of the API Server: {reason}"
    ))
}

async fn look(context: &Context, discovery: &TokenDiscovery) -> Result<Found, Look> {
    let (host, port) = kubeconfig::host_port(&discovery.api_server_endpoint, 6443);
    let address = context.resolve(&host, port).await.map_err(|e| Look::Again(e.message))?;
    let authority = format!("{host}:{port}");
    let insecure = https::Target {
        address,
        authority: authority.clone(),
        tls: https::trusting_anyone().map_err(Look::Final)?,
    };
    let info = get(&insecure, CLUSTER_INFO, None).await.map_err(Look::Again)?;
    let text = info["data"]["kubeconfig"].as_str().ok_or_else(|| {
        Look::Again("there is no kubeconfig in the cluster-info ConfigMap".to_owned())
    })?;
    check_signature(&info, text, &discovery.token)?;
    let cluster = kubeconfig::parse(text).map_err(Look::Final)?;
    check_pin(&cluster.ca_pem, discovery)?;
    let target = https::Target {
        address,
        authority,
        tls: https::trusting(&cluster.ca_pem, None).map_err(Look::Final)?,
    };
    let again = get(&target, CLUSTER_INFO, None).await.map_err(Look::Again)?;
    if again["data"]["kubeconfig"].as_str() != Some(text) {
        return Err(Look::Final(
            "the second kubeconfig from the cluster-info ConfigMap (using validated TLS) was different from the first".to_owned(),
        ));
    }
    Ok(Found { cluster, target, token: discovery.token.clone() })
}

async fn get(target: &https::Target, path: &str, bearer: Option<&str>) -> Result<Value, String> {
    let (status, bytes) =
        https::call(target, Method::GET, path, bearer, None, Duration::from_secs(10)).await?;
    let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if status.is_success() {
        return Ok(value);
    }
    let message = value["message"].as_str().unwrap_or_default();
    Err(if status == StatusCode::UNAUTHORIZED {
        "Unauthorized".to_owned()
    } else {
        format!("{status}: {message}")
    })
}

/// Checks the detached JSON Web Signature of `cluster-info`'s kubeconfig, made with the token's
/// secret. It is absent for tokens that don't exist or are expired.
fn check_signature(info: &Value, text: &str, token: &str) -> Result<(), Look> {
    let Some((id, secret)) = token.split_once('.') else {
        return Err(Look::Final("the token is malformed".to_owned()));
    };
    let Some(signature) = info["data"][format!("jws-kubeconfig-{id}")].as_str() else {
        return Err(Look::Again(format!(
            "could not find a JWS signature in the cluster-info ConfigMap for token ID {id:?} (the token doesn't exist or is expired)"
        )));
    };
    if sign(id, secret, text).as_deref() == Some(signature) {
        return Ok(());
    }
    Err(Look::Final(format!(
        "failed to verify JWS signature of received cluster info object with token ID {id:?}"
    )))
}

/// Signs `text` with a bootstrap token: `header..signature`.
pub fn sign(id: &str, secret: &str, text: &str) -> Option<String> {
    let header = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"HS256\",\"kid\":\"{id}\"}}"));
    let payload = URL_SAFE_NO_PAD.encode(text);
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).ok()?;
    mac.update(format!("{header}.{payload}").as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    Some(format!("{header}..{signature}"))
}

/// Returns the pin of an authority: SHA-256 of its public key.
///
/// # Errors
/// Returns an error if it isn't a certificate in PEM.
pub fn pin_of(ca_pem: &str) -> Result<String, String> {
    let (_, pem) =
        x509_parser::pem::parse_x509_pem(ca_pem.as_bytes()).map_err(|e| e.to_string())?;
    let cert = pem.parse_x509().map_err(|e| e.to_string())?;
    Ok(format!("sha256:{}", hex::encode(Sha256::digest(cert.public_key().raw))))
}

fn check_pin(ca_pem: &str, discovery: &TokenDiscovery) -> Result<(), Look> {
    if discovery.unsafe_skip_ca_verification && discovery.ca_cert_hashes.is_empty() {
        return Ok(());
    }
    let actual = pin_of(ca_pem).map_err(Look::Final)?;
    if discovery.ca_cert_hashes.iter().any(|h| h.eq_ignore_ascii_case(&actual)) {
        return Ok(());
    }
    Err(Look::Final(format!(
        "cluster CA found in cluster-info ConfigMap is invalid: none of the public keys {actual:?} are pinned"
    )))
}

impl Found {
    /// Reads one key of a ConfigMap in kube-system, with the bootstrap token.
    ///
    /// # Errors
    /// Returns an error if the token is refused or the ConfigMap has no such key.
    pub async fn config(&self, name: &str, key: &str) -> Result<String, Failure> {
        let path = format!("/api/v1/namespaces/kube-system/configmaps/{name}");
        let failed = |reason: String| {
            Failure::new(format!(
                "error execution phase preflight: unable to fetch the {name} ConfigMap: {reason}"
            ))
        };
        let mut tries = 0;
        let value = loop {
            match get(&self.target, &path, Some(&self.token)).await {
                Ok(value) => break value,
                Err(reason) if reason == "Unauthorized" || tries == 5 => {
                    return Err(failed(reason));
                }
                Err(_) => tries += 1,
            }
        };
        value["data"][key]
            .as_str()
            .map(ToOwned::to_owned)
            .ok_or_else(|| failed(format!("it has no key {key}")))
    }

    /// Returns the SHA-256 (hex) of the authority's certificate, in DER.
    ///
    /// # Errors
    /// Returns an error if it isn't PEM.
    pub fn ca_sha256(&self) -> Result<String, Failure> {
        ca_sha256(&self.cluster.ca_pem)
    }
}

/// Returns the SHA-256 (hex) of a PEM certificate, in DER.
///
/// # Errors
/// Returns an error if it isn't PEM.
pub fn ca_sha256(pem_text: &str) -> Result<String, Failure> {
    let der =
        pem::parse(pem_text).map_err(|e| Failure::new(format!("certificate authority: {e}")))?;
    Ok(hex::encode(Sha256::digest(der.contents())))
}
