//! The way to etcd: a port of its pods, forwarded by the API server.

use std::{path::PathBuf, sync::Arc, time::Duration};

use http::StatusCode;
use infra_provider_api::{CloudError, ErrorKind};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::ListParams};
use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::{
    Member,
    call::{CallError, post},
    identity,
    member::parse,
};
use crate::{apps::KubeClient, resources::KubeAccess};

const PORT: u16 = 2379;
const NAMESPACE: &str = "kube-system";
/// What kubeadm puts on etcd's static pods.
const SELECTOR: &str = "component=etcd,tier=control-plane";
/// How long one member may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// The way to a cluster's etcd.
pub struct EtcdAccess {
    kube: Arc<KubeAccess>,
    pki: PathBuf,
    tls: OnceCell<Arc<ClientConfig>>,
}

impl EtcdAccess {
    /// Through the API server behind `kube`, with the authority in the folder `pki`.
    pub fn new(kube: Arc<KubeAccess>, pki: PathBuf) -> Self {
        Self { kube, pki, tls: OnceCell::new() }
    }

    /// Returns true once there is a kubeconfig. Before, there can be no etcd of ours.
    pub fn exists(&self) -> bool {
        self.kube.exists()
    }

    /// Lists the members, those that are dead, too.
    ///
    /// # Errors
    /// Returns `Unavailable` if no member answers or etcd has no quorum.
    pub async fn members(&self) -> Result<Vec<Member>, CloudError> {
        const OPERATION: &str = "list etcd's members";
        // Not what one member remembers, but what the majority says.
        let body = json!({"linearizable": true});
        let answer = self.ask(OPERATION, None, "/v3/cluster/member/list", &body).await?;
        parse(&answer).map_err(|error| CloudError::new(ErrorKind::Garbled, OPERATION, error))
    }

    /// Takes a member out. One that is not there any more is no error.
    ///
    /// # Errors
    /// Returns `Busy` while etcd finds it unsafe, else see [`EtcdAccess::members`].
    pub async fn remove(&self, member: &Member) -> Result<(), CloudError> {
        let operation = format!("remove {} ({}) from etcd", member.name, member.hex());
        let body = json!({"ID": member.id.to_string()});
        // Not through itself: it ends before it can answer.
        let asked = self.ask(&operation, Some(&member.name), "/v3/cluster/member/remove", &body);
        match asked.await {
            Ok(_) => Ok(()),
            Err(error) if error.kind == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Asks one member after the other until one answers.
    async fn ask(
        &self,
        operation: &str,
        without: Option<&str>,
        path: &str,
        body: &Value,
    ) -> Result<Vec<u8>, CloudError> {
        let unavailable =
            |reason: String| CloudError::new(ErrorKind::Unavailable, operation, reason);
        let client = self.kube.client().await?;
        let tls = self
            .tls
            .get_or_try_init(|| async { identity::tls(&self.pki) })
            .await
            .map_err(|reason| CloudError::new(ErrorKind::Local, operation, reason))?;
        let pods = etcd_pods(&client, without).await.map_err(unavailable)?;
        let mut reasons = Vec::new();
        for pod in &pods {
            let call = through(&client, pod, Arc::clone(tls), path, body);
            match tokio::time::timeout(PATIENCE, call).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(CallError::Unreached(reason))) => reasons.push(format!("{pod}: {reason}")),
                Ok(Err(CallError::Refused { status, message })) => {
                    return Err(CloudError::new(kind_of(status), operation, message));
                }
                Err(_) => {
                    reasons.push(format!("{pod}: no answer within {} s", PATIENCE.as_secs()));
                }
            }
        }
        if reasons.is_empty() {
            reasons.push("no pod of etcd runs".to_owned());
        }
        Err(unavailable(reasons.join("; ")))
    }
}

/// What a refusal of etcd's means. "Unhealthy cluster" and "not enough started members" pass.
fn kind_of(status: StatusCode) -> ErrorKind {
    match status {
        StatusCode::NOT_FOUND => ErrorKind::NotFound,
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => ErrorKind::Forbidden,
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::GATEWAY_TIMEOUT => ErrorKind::Unavailable,
        _ => ErrorKind::Busy,
    }
}

/// The pods of etcd, but for that on the node `without`.
async fn etcd_pods(client: &KubeClient, without: Option<&str>) -> Result<Vec<String>, String> {
    let api: Api<Pod> = Api::namespaced(client.raw().clone(), NAMESPACE);
    let list = ListParams::default().labels(SELECTOR);
    let pods = api.list(&list).await.map_err(|error| crate::apps::explain(&error))?;
    let on = |pod: &Pod| pod.spec.as_ref().and_then(|spec| spec.node_name.clone());
    let runs = |pod: &Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        phase == Some("Running")
    };
    let others = pods.items.iter().filter(|pod| runs(pod) && on(pod).as_deref() != without);
    Ok(others.filter_map(|pod| pod.metadata.name.clone()).collect())
}

async fn through(
    client: &KubeClient,
    pod: &str,
    tls: Arc<ClientConfig>,
    path: &str,
    body: &Value,
) -> Result<Vec<u8>, CallError> {
    let api: Api<Pod> = Api::namespaced(client.lasting().clone(), NAMESPACE);
    let unreached = |reason: String| CallError::Unreached(reason);
    let mut forwarder = api
        .portforward(pod, &[PORT])
        .await
        .map_err(|error| unreached(crate::apps::explain(&error)))?;
    let stream = forwarder.take_stream(PORT);
    let stream = stream.ok_or_else(|| unreached("the port is not forwarded".to_owned()))?;
    let refused = forwarder.take_error(PORT);
    let answer = post(stream, tls, path, body).await;
    forwarder.abort();
    match (answer, refused) {
        (Err(CallError::Unreached(reason)), Some(refused)) => {
            Err(unreached(refused.await.unwrap_or(reason)))
        }
        (answer, _) => answer,
    }
}
