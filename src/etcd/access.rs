//! The way to etcd: a port of its pods, forwarded by the API server.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use futures::{StreamExt, stream};
use infra_provider_api::{CloudError, ErrorKind};
use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::ListParams};
use rustls::ClientConfig;
use serde_json::{Value, json};
use tokio::{sync::OnceCell, time::timeout};

use super::{
    Member,
    answer::{PATIENCE, first_answer, unhealthy},
    call::{CallError, post},
    identity,
    member::parse,
    status::{MemberStatus, leader_of, parse_alarms},
};
use crate::{apps::KubeClient, kube_access::KubeAccess};

const PORT: u16 = 2379;
const NAMESPACE: &str = "kube-system";
/// What kubeadm puts on etcd's static pods.
const SELECTOR: &str = "component=etcd,tier=control-plane";
/// What is read to see whether a member takes part, as `etcdctl endpoint health` does: "health", in Base64.
/// There need be no such key. A read is confirmed by a majority; what a member says of itself
/// (`maintenance/status`) is what it remembers, also while its disk stalls.
const HEALTH: &str = "aGVhbHRo";
/// Members that are asked at the same time.
const PARALLEL: usize = 16;

/// The way to a cluster's etcd.
pub struct EtcdAccess {
    kube: Arc<KubeAccess>,
    pki: PathBuf,
    tls: OnceCell<Arc<ClientConfig>>,
}

impl EtcdAccess {
    /// Makes the access through the API server behind `kube`, with the authority in the folder
    /// `pki`.
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
        parse(&answer)
            .map_err(|error| CloudError::new(ErrorKind::MalformedResponse, OPERATION, error))
    }

    /// Reads through each of `members` that votes, and returns those that do not answer, with the reason: a
    /// member whose machine runs is not a member that works.
    ///
    /// # Errors
    /// Returns an error if the pods of etcd can't be listed, or there is no certificate to ask with.
    pub async fn silent(&self, members: &[Member]) -> Result<BTreeMap<u64, String>, CloudError> {
        const OPERATION: &str = "read through etcd's members";
        let (client, tls) = (self.kube.client().await?, self.tls(OPERATION).await?);
        let pods = etcd_pods(&client).await;
        let pods = pods.map_err(|why| CloudError::new(ErrorKind::Unavailable, OPERATION, why))?;
        let body = &json!({"key": HEALTH});
        let asked = members.iter().filter(|member| member.votes()).map(|member| {
            let pod = pods.iter().find(|pod| pod.node == member.name).map(|pod| pod.name.clone());
            let (client, tls) = (client.clone(), Arc::clone(&tls));
            async move {
                let Some(pod) = pod else {
                    return Some((member.id, "no pod of it runs".to_owned()));
                };
                let read = || through(&client, &pod, Arc::clone(&tls), "/v3/kv/range", body);
                unhealthy(read).await.map(|why| (member.id, why))
            }
        });
        let asked: Vec<_> = asked.collect();
        let silent = stream::iter(asked).buffer_unordered(PARALLEL);
        Ok(silent.filter_map(std::future::ready).collect().await)
    }

    /// Lets another member lead, if the one on the node `node` does: then its end costs no election. One that does
    /// not answer, or whose pod is not there, leads nothing that could be given away.
    ///
    /// # Errors
    /// Returns `Busy` if etcd refuses, or an error if the members or the pods of etcd can't be listed.
    pub async fn hand_over(&self, node: &str) -> Result<(), CloudError> {
        let operation = format!("let another member of etcd lead than {node}");
        let members = self.members().await?;
        let Some(member) = members.iter().find(|one| one.name == node) else { return Ok(()) };
        let successor = members.iter().find(|one| one.votes() && one.id != member.id);
        let Some(successor) = successor.filter(|_| member.votes()) else { return Ok(()) };
        let (client, tls) = (self.kube.client().await?, self.tls(&operation).await?);
        let pods = etcd_pods(&client).await;
        let pods = pods.map_err(|why| CloudError::new(ErrorKind::Unavailable, &operation, why))?;
        let Some(pod) = pods.iter().find(|pod| pod.node == member.name) else { return Ok(()) };
        let ask = |path: &'static str, body: Value| {
            let (client, tls, pod) = (client.clone(), Arc::clone(&tls), pod.name.clone());
            async move { timeout(PATIENCE, through(&client, &pod, tls, path, &body)).await }
        };
        let Ok(Ok(status)) = ask("/v3/maintenance/status", json!({})).await else { return Ok(()) };
        if leader_of(&status) != Some(member.id) {
            return Ok(());
        }
        let target = json!({"targetID": successor.id.to_string()});
        match ask("/v3/maintenance/transfer-leadership", target).await {
            Ok(Err(CallError::Refused { message, .. })) => {
                Err(CloudError::new(ErrorKind::Busy, operation, message))
            }
            _ => Ok(()),
        }
    }

    /// Asks each of `members` how it is. One that does not answer is no error.
    ///
    /// # Errors
    /// Returns an error if the pods of etcd can't be listed, or there is no certificate to ask with.
    pub async fn statuses(&self, members: &[Member]) -> Result<Vec<MemberStatus>, CloudError> {
        const OPERATION: &str = "ask etcd's members how they are";
        let (client, tls) = (self.kube.client().await?, self.tls(OPERATION).await?);
        let pods = etcd_pods(&client).await;
        let pods = pods.map_err(|why| CloudError::new(ErrorKind::Unavailable, OPERATION, why))?;
        let asked = members.iter().map(|member| {
            let pod = pods.iter().find(|pod| pod.node == member.name).map(|pod| pod.name.clone());
            let (client, tls) = (client.clone(), Arc::clone(&tls));
            async move {
                let Some(pod) = pod else {
                    return MemberStatus::of(member, Err("no pod of it runs".to_owned()));
                };
                let path = "/v3/maintenance/status";
                let told = timeout(PATIENCE, through(&client, &pod, tls, path, &json!({}))).await;
                let told = match told {
                    Ok(Ok(body)) => Ok(body),
                    Ok(Err(
                        CallError::Unreached(why) | CallError::Refused { message: why, .. },
                    )) => Err(why),
                    Err(_) => Err(format!("no answer within {} s", PATIENCE.as_secs())),
                };
                MemberStatus::of(member, told)
            }
        });
        let asked: Vec<_> = asked.collect();
        Ok(stream::iter(asked).buffered(PARALLEL).collect().await)
    }

    /// Lists etcd's alarms, each with the name of its member: `control-plane-1: NOSPACE`.
    ///
    /// # Errors
    /// Returns `Unavailable` if no member answers or etcd has no quorum.
    pub async fn alarms(&self, members: &[Member]) -> Result<Vec<String>, CloudError> {
        const OPERATION: &str = "list etcd's alarms";
        let answer =
            self.ask(OPERATION, None, "/v3/maintenance/alarm", &json!({"action": 0})).await?;
        parse_alarms(&answer, members)
            .map_err(|error| CloudError::new(ErrorKind::MalformedResponse, OPERATION, error))
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

    async fn tls(&self, operation: &str) -> Result<Arc<ClientConfig>, CloudError> {
        let made = self.tls.get_or_try_init(|| async { identity::tls(&self.pki) }).await;
        made.map(Arc::clone).map_err(|why| CloudError::new(ErrorKind::Local, operation, why))
    }

    /// Asks one member after the other until one answers. A member that is cut off from the others, or
    /// has no vote yet, refuses what another one does: only if all refuse is that etcd's answer.
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
        let tls = self.tls(operation).await?;
        let mut pods = etcd_pods(&client).await.map_err(unavailable)?;
        pods.retain(|pod| Some(pod.node.as_str()) != without);
        let names: Vec<&str> = pods.iter().map(|pod| pod.name.as_str()).collect();
        first_answer(operation, &names, |pod| through(&client, pod, Arc::clone(&tls), path, body))
            .await
    }
}

/// A pod of etcd.
struct EtcdPod {
    name: String,
    node: String,
}

/// Lists the running pods of etcd.
async fn etcd_pods(client: &KubeClient) -> Result<Vec<EtcdPod>, String> {
    let api: Api<Pod> = Api::namespaced(client.raw().clone(), NAMESPACE);
    let list = ListParams::default().labels(SELECTOR);
    let pods = api.list(&list).await.map_err(|error| crate::apps::explain(&error))?;
    let runs = |pod: &Pod| {
        let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
        phase == Some("Running")
    };
    let described = |pod: Pod| {
        let node = pod.spec.and_then(|spec| spec.node_name).unwrap_or_default();
        Some(EtcdPod { name: pod.metadata.name?, node })
    };
    Ok(pods.items.into_iter().filter(runs).filter_map(described).collect())
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
