//! What belongs to an upgrade besides the nodes: the version with which control planes join, before the first one does,
//! and what kubeadm installs in the cluster, after the last one.

use std::collections::BTreeSet;

use infra_provider_api::{Address, NodeSlot, Readiness, Role};

use super::{rotate_slots::say, run::Run};
use crate::{
    cluster::{KubeAccess, kubeadm_version, set_kubeadm_version, upgrade_kubeadm_addons},
    session::{CliError, Observation, Purpose},
};

/// Lets control planes join with the version that infra.toml asks for.
///
/// # Errors
/// Returns an error if the API server refuses or cannot be reached.
pub(super) async fn begin_upgrade(run: &Run) -> Result<(), CliError> {
    let session = &run.session;
    let kube = KubeAccess::new(session.layout.kubeconfig());
    let wanted = &session.project.cluster.versions.kubernetes;
    let has = kubeadm_version(&session.cx, &kube).await?;
    if has != *wanted {
        set_kubeadm_version(&session.cx, &kube, wanted).await?;
        say(
            run,
            &format!("Control planes join with Kubernetes {wanted} from now on; it was {has}."),
        );
    }
    Ok(())
}

/// Lets control planes join with the version again that all of them run, if they run one.
///
/// # Errors
/// Returns an error if the API server refuses or cannot be reached.
pub(super) async fn restore_version(run: &Run, looked: &Observation) -> Result<(), CliError> {
    let nodes = looked.cluster.nodes();
    let is_plane = |slot: &str| {
        nodes.iter().any(|(pool, node)| pool.role == Role::ControlPlane && node.slot == slot)
    };
    let planes = looked.observed.iter().filter(|one| {
        one.address.kind() == "node" && is_plane(&NodeSlot::parse_name(one.address.name()).0)
    });
    let versions: BTreeSet<String> =
        planes.filter_map(|node| node.outputs.text("kubelet_version")).collect();
    let Some(only) = versions.first().filter(|_| versions.len() == 1) else { return Ok(()) };
    let kube = KubeAccess::new(run.session.layout.kubeconfig());
    let version = only.trim_start_matches('v');
    set_kubeadm_version(&run.session.cx, &kube, version).await?;
    Ok(())
}

/// Brings kube-proxy and CoreDNS to the version of the control planes, once all of these have it.
///
/// # Errors
/// Returns an error if the API server refuses or cannot be reached.
pub(super) async fn finish_upgrade(run: &Run) -> Result<(), CliError> {
    let session = &run.session;
    let wanted = &session.project.cluster.versions.kubernetes;
    let kube = KubeAccess::new(session.layout.kubeconfig());
    // What joins next says what the rest is to become; a version that only infra.toml has is none yet.
    if kubeadm_version(&session.cx, &kube).await? != *wanted {
        return Ok(());
    }
    let looked = session.observe(Purpose::Nodes).await?;
    let version = Some(format!("v{wanted}"));
    let planes =
        looked.cluster.nodes().into_iter().filter(|(pool, _)| pool.role == Role::ControlPlane);
    let have_it = planes.map(|(_, node)| node.name()).all(|name| {
        let node = looked.observed.get(&Address::new("node", name));
        node.is_some_and(|node| {
            node.readiness == Readiness::Ready && node.outputs.text("kubelet_version") == version
        })
    });
    if !have_it {
        return Ok(());
    }
    let coredns = session.artifacts().ok().and_then(|(_, lock)| {
        lock.artifacts.into_iter().find(|one| one.name == "image-coredns").map(|one| one.version)
    });
    let changed = upgrade_kubeadm_addons(&session.cx, &kube, wanted, coredns.as_deref()).await?;
    if !changed.is_empty() {
        say(run, &format!("Upgraded {}.", changed.join(" and ")));
    }
    Ok(())
}
