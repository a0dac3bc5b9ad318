//! Where the nodes of a cluster look for its API server, as kubeadm published it in the cluster.

use std::time::Duration;

use infra_provider_api::{CloudError, ErrorKind};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::{
    kube_access::{KubeAccess, PROBE_TIMEOUT, PROBES, no_answer, of_kube},
    kubeadm_config,
};

const OPERATION: &str = "read where nodes look for the API server";
/// How long `kubeadm init` may need from the API server's first answer until it publishes this.
const PUBLISHED_WITHIN: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(500);

/// Reads the name under which the nodes of this cluster look for the API server; `None` if it is an
/// address. A cluster that was made a moment ago is waited for, unless `stop` is cancelled.
///
/// # Errors
/// Returns an error if neither ConfigMap of kubeadm tells, which says nothing about the nodes.
pub async fn published_endpoint(
    kube: &KubeAccess,
    stop: &CancellationToken,
) -> Result<Option<String>, CloudError> {
    let until = Instant::now() + PUBLISHED_WITHIN;
    let mut failures = 0;
    loop {
        let answer = ask(kube).await;
        let again = match &answer {
            Err(error) if is_absent(error) => Instant::now() < until,
            Err(error) if error.kind == ErrorKind::Unavailable => {
                failures += 1;
                failures < PROBES
            }
            _ => false,
        };
        match answer {
            Err(_) if again => tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => {
                    return Err(CloudError::new(ErrorKind::Cancelled, OPERATION, "interrupted"));
                }
            },
            answer => return answer,
        }
    }
}

async fn ask(kube: &KubeAccess) -> Result<Option<String>, CloudError> {
    match from_cluster_info(kube).await {
        // Some administrators delete it, because anybody may read it.
        Err(error) if is_absent(&error) => {
            let text = kubeadm_config::read(kube, OPERATION).await?;
            let endpoint = kubeadm_config::control_plane_endpoint(&text);
            name_in(endpoint.map(|endpoint| format!("https://{endpoint}")))
        }
        answer => answer,
    }
}

async fn from_cluster_info(kube: &KubeAccess) -> Result<Option<String>, CloudError> {
    let client = kube.client().await?;
    let maps = Api::<ConfigMap>::namespaced(client.raw().clone(), "kube-public");
    let published = match tokio::time::timeout(PROBE_TIMEOUT, maps.get("cluster-info")).await {
        Ok(answer) => answer.map_err(|error| of_kube(OPERATION, &error))?,
        Err(_) => return Err(CloudError::new(ErrorKind::Unavailable, OPERATION, no_answer())),
    };
    let text = published.data.as_ref().and_then(|data| data.get("kubeconfig"));
    name_in(text.and_then(|text| infra_ssl::Kubeconfig::server_in(text)))
}

/// Returns the name that a URL leads to, or `None` if it leads to an address.
fn name_in(server: Option<String>) -> Result<Option<String>, CloudError> {
    let absent = || {
        let message = "the cluster names no server that nodes would look for";
        CloudError::new(ErrorKind::NotFound, OPERATION, message)
    };
    let url = server.and_then(|server| url::Url::parse(&server).ok()).ok_or_else(absent)?;
    match url.host().ok_or_else(absent)? {
        url::Host::Domain(name) => Ok(Some(name.to_owned())),
        url::Host::Ipv4(_) | url::Host::Ipv6(_) => Ok(None),
    }
}

/// Reports whether `kubeadm init` may still have to publish it, or the right to read it.
fn is_absent(error: &CloudError) -> bool {
    matches!(error.kind, ErrorKind::NotFound | ErrorKind::Forbidden)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_published_is_no_address() {
        let name = |text: &str| name_in(Some(text.to_owned())).map_err(|error| error.kind);
        assert_eq!(name("https://api.example.com:6443"), Ok(Some("api.example.com".to_owned())));
        assert_eq!(name("https://203.0.113.10:6443"), Ok(None));
        assert_eq!(name("https://[2001:db8::1]:6443"), Ok(None));
        assert_eq!(name("https://"), Err(ErrorKind::NotFound));
        assert_eq!(name(""), Err(ErrorKind::NotFound));
        assert_eq!(name_in(None).map_err(|error| error.kind), Err(ErrorKind::NotFound));
    }
}
