//! Removing a Node: exactly the one that was meant, and without a drain when its machine is gone.

use std::{sync::Arc, time::Duration};

use infra_provider_api::{CloudError, Context, Kind, Observed};
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, Client,
    api::{DeleteParams, ListParams, Preconditions},
};

use super::{kube_access::of_kube, kubelet_approvals::id_text, node::machine_id};
use crate::{
    etcd::EtcdAccess,
    rotate::{DrainOptions, cordon, drain},
};

/// Time between two looks at the machine that is drained: a drain never ends once it is gone.
const MACHINE_LOOK: Duration = Duration::from_secs(5);

/// How a Node is removed.
pub(super) struct Removal<'a> {
    pub client: &'a Client,
    pub drain: &'a DrainOptions,
    /// The way to etcd, where nodes may be its members.
    pub etcd: Option<&'a EtcdAccess>,
    /// The kind of the machines, to find out whether a Node's machine still exists.
    pub machine: Option<&'a Arc<dyn Kind>>,
}

impl Removal<'_> {
    /// Removes the Node that `observed` tells of. Another Node of the same name is left alone: then
    /// the one that was meant is gone already.
    ///
    /// # Errors
    /// Returns an error if the API server or the cloud can't be asked, or if the drain fails.
    pub(super) async fn remove(&self, cx: &Context, observed: &Observed) -> Result<(), CloudError> {
        let name = observed.id.as_str();
        let nodes = Api::<Node>::all(self.client.clone());
        let there = nodes.get_opt(name).await;
        let there = there.map_err(|error| of_kube(&format!("read the Node {name}"), &error))?;
        let Some(node) = there.filter(|node| is_meant(node, observed)) else { return Ok(()) };
        let mut machine_gone = self.is_machine_gone(cx, &node, observed).await?;
        // Once its Node is gone, so is the pod by which its etcd is reached.
        if let Some(etcd) = self.etcd.filter(|_| !machine_gone && is_control_plane(&node)) {
            etcd.hand_over(name).await?;
        }
        // Nothing leaves a machine that is gone or dead: its pods are given up with its Node.
        if !machine_gone && is_ready(&node) && cordon(self.client, name, cx).await? {
            tokio::select! {
                drained = drain(self.client, name, self.drain, cx) => drained?,
                () = self.until_machine_gone(cx, &node, observed) => machine_gone = true,
            }
        }
        let uid = node.metadata.uid.clone();
        let precondition = Preconditions { uid, resource_version: None };
        let params = DeleteParams::default().preconditions(precondition);
        match nodes.delete(name, &params).await {
            Ok(_) => {}
            // 409: a Node with another UID has taken the name, so the one that was meant is gone.
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
            Err(error) => return Err(of_kube(&format!("delete the Node {name}"), &error)),
        }
        if machine_gone {
            self.give_up_pods(name).await?;
        }
        Ok(())
    }

    /// Returns true if the cloud says that the Node's machine no longer exists. It is asked for by
    /// its id: a list may lag behind.
    async fn is_machine_gone(
        &self,
        cx: &Context,
        node: &Node,
        observed: &Observed,
    ) -> Result<bool, CloudError> {
        let Some(kind) = self.machine else { return Ok(false) };
        let id = machine_id(node).or_else(|| observed.spec.get("machine"));
        match id.filter(|id| !id.is_null()) {
            Some(id) => Ok(kind.poll(cx, &[id_text(&id)]).await?.is_empty()),
            // A Node that never named its machine can only be found by its own name.
            None => {
                let all = kind.list_owned(cx).await?;
                Ok(all.iter().all(|machine| machine.address.name() != observed.id))
            }
        }
    }

    /// Waits until the machine is gone. A look that fails is repeated.
    async fn until_machine_gone(&self, cx: &Context, node: &Node, observed: &Observed) {
        loop {
            tokio::time::sleep(MACHINE_LOOK).await;
            if let Ok(true) = self.is_machine_gone(cx, node, observed).await {
                return;
            }
        }
    }

    /// Deletes the pods of a Node whose machine is gone, without waiting for a kubelet. The pod
    /// garbage collector does the same, but not before the next Node has the name.
    async fn give_up_pods(&self, node: &str) -> Result<(), CloudError> {
        let operation = format!("delete the pods of {node}, whose machine is gone");
        let on_it = ListParams::default().fields(&format!("spec.nodeName={node}"));
        let all = Api::<Pod>::all(self.client.clone());
        let pods = all.list(&on_it).await.map_err(|error| of_kube(&operation, &error))?;
        for pod in pods {
            let (Some(namespace), Some(name)) = (pod.metadata.namespace, pod.metadata.name) else {
                continue;
            };
            let precondition = Preconditions { uid: pod.metadata.uid, resource_version: None };
            let params = DeleteParams::default().grace_period(0).preconditions(precondition);
            let pods = Api::<Pod>::namespaced(self.client.clone(), &namespace);
            match pods.delete(&name, &params).await {
                Ok(_) => {}
                Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {}
                Err(error) => return Err(of_kube(&operation, &error)),
            }
        }
        Ok(())
    }
}

/// Returns false for a Node that has only taken the name over. It names another machine, or it has
/// another UID where one of them names no machine.
fn is_meant(node: &Node, observed: &Observed) -> bool {
    let meant = observed.spec.get("machine").filter(|id| !id.is_null());
    match (machine_id(node), meant) {
        (Some(there), Some(meant)) => id_text(&there) == id_text(&meant),
        _ => observed.outputs.text("uid").is_none_or(|uid| node.metadata.uid == Some(uid)),
    }
}

fn is_control_plane(node: &Node) -> bool {
    let labels = node.metadata.labels.as_ref();
    labels.is_some_and(|labels| labels.contains_key("node-role.kubernetes.io/control-plane"))
}

fn is_ready(node: &Node) -> bool {
    let conditions = node.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.filter(|one| one.type_ == "Ready").any(|one| one.status == "True")
}

#[cfg(test)]
mod tests {
    use infra_provider_api::{Address, ManagedBy, Readiness};
    use k8s_openapi::{api::core::v1::NodeSpec, apimachinery::pkg::apis::meta::v1::ObjectMeta};
    use serde_json::json;

    use super::*;

    fn node(uid: &str, machine: Option<&str>) -> Node {
        let provider_id = machine.map(|id| format!("digitalocean://{id}"));
        Node {
            metadata: ObjectMeta { uid: Some(uid.to_owned()), ..ObjectMeta::default() },
            spec: Some(NodeSpec { provider_id, ..NodeSpec::default() }),
            status: None,
        }
    }

    fn observed(uid: Option<&str>, machine: Option<u64>) -> Observed {
        Observed {
            address: Address::new("node", "worker-2"),
            id: "worker-2".into(),
            spec: json!({"slot": "worker-2", "machine": machine}).into(),
            outputs: json!({"uid": uid}).into(),
            readiness: Readiness::Ready,
            intent_key: None,
            made_by: ManagedBy::Infra,
        }
    }

    #[test]
    fn only_the_node_that_was_meant_is_removed() {
        let meant = |there: &Node, uid, machine| is_meant(there, &observed(uid, machine));
        assert!(meant(&node("a", Some("7")), Some("a"), Some(7)));
        assert!(meant(&node("b", Some("7")), Some("a"), Some(7)), "registered again");
        assert!(!meant(&node("b", Some("8")), Some("a"), Some(7)), "another machine's");
        assert!(!meant(&node("b", None), Some("a"), Some(7)), "one that has just joined");
        assert!(meant(&node("a", None), Some("a"), None));
        assert!(meant(&node("b", None), None, Some(7)), "a state from before UIDs were kept");
    }
}
