//! kubeconfig files: written by kubeadm, read by the machine's kubectl.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_yaml_ng::Value;

/// What is needed of a kubeconfig to make a call.
pub struct Kubeconfig {
    pub host: String,
    pub port: u16,
    pub ca_pem: String,
    /// Client certificate and key in PEM.
    pub client: Option<(String, String)>,
}

/// Splits `host:port` or `host` into its parts; brackets of IPv6 are taken off.
pub fn host_port(endpoint: &str, default_port: u16) -> (String, u16) {
    let plain = |h: &str| h.trim_matches(['[', ']']).to_owned();
    match endpoint.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') || host.ends_with(']') => {
            (plain(host), port.parse().unwrap_or(default_port))
        }
        _ => (plain(endpoint), default_port),
    }
}

/// Writes a kubeconfig with one cluster, one user and one context.
pub fn render(
    cluster: &str,
    server: &str,
    ca_pem: &str,
    user: &str,
    cert_pem: &str,
    key_pem: &str,
) -> String {
    let (ca, cert, key) =
        (STANDARD.encode(ca_pem), STANDARD.encode(cert_pem), STANDARD.encode(key_pem));
    format!(
        "apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    certificate-authority-data: {ca}\n    server: {server}\n  name: {cluster}\n\
         contexts:\n- context:\n    cluster: {cluster}\n    user: {user}\n  name: {user}@{cluster}\ncurrent-context: {user}@{cluster}\n\
         preferences: {{}}\nusers:\n- name: {user}\n  user:\n    client-certificate-data: {cert}\n    client-key-data: {key}\n"
    )
}

/// Writes the kubeconfig in the ConfigMap `cluster-info`: it has a cluster, but no user.
pub fn cluster_info(server: &str, ca_pem: &str) -> String {
    let ca = STANDARD.encode(ca_pem);
    format!(
        "apiVersion: v1\nclusters:\n- cluster:\n    certificate-authority-data: {ca}\n    server: {server}\n  name: \"\"\n\
         contexts: null\ncurrent-context: \"\"\nkind: Config\npreferences: {{}}\nusers: null\n"
    )
}

/// Reads a kubeconfig with embedded data; the first cluster and user are taken.
///
/// # Errors
/// Returns a sentence if something is missing.
pub fn parse(text: &str) -> Result<Kubeconfig, String> {
    let value: Value = serde_yaml_ng::from_str(text).map_err(|e| format!("kubeconfig: {e}"))?;
    let cluster = value.get("clusters").and_then(|c| c.get(0)).and_then(|c| c.get("cluster"));
    let user = value.get("users").and_then(|c| c.get(0)).and_then(|c| c.get("user"));
    let server = cluster.and_then(|c| c.get("server")?.as_str()).ok_or("kubeconfig: no server")?;
    let url = url::Url::parse(server).map_err(|e| format!("kubeconfig: server: {e}"))?;
    let host = url.host_str().ok_or("kubeconfig: server has no host")?;
    let ca_pem = data(cluster, "certificate-authority-data")
        .ok_or("kubeconfig: no certificate-authority-data")?;
    let client = data(user, "client-certificate-data").zip(data(user, "client-key-data"));
    Ok(Kubeconfig {
        host: host.trim_matches(['[', ']']).to_owned(),
        port: url.port_or_known_default().unwrap_or(443),
        ca_pem,
        client,
    })
}

fn data(value: Option<&Value>, key: &str) -> Option<String> {
    let encoded = value?.get(key)?.as_str()?;
    String::from_utf8(STANDARD.decode(encoded).ok()?).ok()
}
