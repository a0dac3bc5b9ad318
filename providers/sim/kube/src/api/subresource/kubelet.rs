//! The way from the API server to a node's kubelet, which logs, forwarded ports and commands take.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::body::Body;
use http::{Method, Response, StatusCode};
use serde_json::Value;

use crate::api::call::Call;
use crate::api::context::Server;
use crate::api::error::{ApiError, ApiResult};
use crate::api::media;
use crate::api::request::Target;
use crate::controllers::{KUBELET_ASKS, ServingCertificate};
use crate::{Resource, store::name_of};

const PORT: u16 = 10250;

fn plain(message: String) -> ApiError {
    // What is no Status of its own has no reason, and kubectl shows its message alone.
    ApiError::new(StatusCode::INTERNAL_SERVER_ERROR, "", message)
}

/// Connects to the kubelet of a pod's node for a stream: `exec`, `portforward`.
pub(super) fn dial(server: &Server, pod: &Value) -> ApiResult<()> {
    match node_of(server, pod) {
        Some(node) => handshake(server, &node)
            .map_err(|(_, why)| plain(format!("error dialing backend: {why}"))),
        None => Ok(()),
    }
}

/// Connects to the kubelet of a pod's node to read the log of `container`.
pub(super) fn read_log(server: &Server, pod: &Value, container: &str) -> ApiResult<()> {
    let Some(node) = node_of(server, pod) else { return Ok(()) };
    handshake(server, &node).map_err(|(host, why)| {
        let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
        let path = format!("containerLogs/{namespace}/{}/{container}", name_of(pod));
        plain(format!("Get \"https://{host}:{PORT}/{path}\": {why}"))
    })
}

/// Answers `nodes/<name>/proxy/…`: of a kubelet's own pages its health is there.
pub(super) fn proxy(server: &Server, call: &Call, target: &Target) -> ApiResult<Response<Body>> {
    let node = server.cluster.store().get(&nodes(), None, target.name());
    let node = node.ok_or_else(|| ApiError::not_found(&target.kind, target.name()))?;
    handshake(server, &node).map_err(|(_, why)| {
        let message = format!("error trying to reach service: {why}");
        ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable", message)
    })?;
    let page = call.path.split_once("/proxy").map_or("", |(_, page)| page);
    match (&call.method, page) {
        (&Method::GET, "/healthz" | "/healthz/ping") => {
            Ok(media::typed(StatusCode::OK, "text/plain; charset=utf-8", "ok"))
        }
        _ => Ok(media::typed(StatusCode::NOT_FOUND, "text/plain", "404 page not found\n")),
    }
}

fn nodes() -> Resource {
    Resource::core("nodes")
}

fn node_of(server: &Server, pod: &Value) -> Option<Arc<Value>> {
    server.cluster.store().get(&nodes(), None, pod["spec"]["nodeName"].as_str()?)
}

/// Says how the handshake with a node's kubelet fails: the address, and Go's words.
fn handshake(server: &Server, node: &Value) -> Result<(), (String, String)> {
    let addresses = node["status"]["addresses"].as_array();
    let of = |kind: &str| addresses?.iter().find(|one| one["type"] == kind)?["address"].as_str();
    // As kubeadm sets `kubelet-preferred-address-types`.
    let host = of("InternalIP").or(of("ExternalIP")).or(of("Hostname")).unwrap_or_default();
    let failed = |why: String| Err((host.to_owned(), why));
    let invalid = |why: String| {
        Err((host.to_owned(), format!("tls: failed to verify certificate: x509: {why}")))
    };
    let asks = node["metadata"]["annotations"][KUBELET_ASKS].is_string();
    let serving = ServingCertificate::of(node);
    let (Some(serving), true) = (&serving, asks) else {
        if asks {
            return failed("remote error: tls: internal error".to_owned());
        }
        if !server.cluster.options().checks_kubelets {
            return Ok(());
        }
        // What a kubelet signs itself names its host alone.
        return invalid(format!(
            "cannot validate certificate for {host} because it doesn't contain any IP SANs"
        ));
    };
    if !server.cluster.options().checks_kubelets {
        return Ok(());
    }
    if !serving.names.contains(host) {
        let is_ip = |name: &&String| name.parse::<std::net::IpAddr>().is_ok();
        let ips: BTreeSet<&str> = serving.names.iter().filter(is_ip).map(String::as_str).collect();
        let ips = ips.into_iter().collect::<Vec<_>>().join(", ");
        return invalid(format!("certificate is valid for {ips}, not {host}"));
    }
    let now = jiff::Timestamp::now();
    if serving.not_after <= now {
        return invalid(format!(
            "certificate has expired or is not yet valid: current time {now} is after {}",
            serving.not_after
        ));
    }
    Ok(())
}
