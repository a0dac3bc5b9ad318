//! The kinds that belong to no cloud, as a cloud has its own.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use infra_cloud::OwnPlane;
use infra_object_store::Bucket;
use infra_provider_api::{Kind, Provider, erase};
use infra_provisioning::artifacts::Lock;
use serde_json::Value;

use super::{
    ApiServers, Artifacts, BootReports, BootstrapData, Certificates, EtcdMembers, Handovers,
    JoinSecrets, KubeAccess, KubeletApprovals, KubeletCertificates, Machines, Nodes, Traffic,
    Turns,
};
use crate::{engine::Observations, etcd::EtcdAccess, rotate::DrainOptions};

/// What the kinds that belong to no cloud work with.
pub struct ClusterKinds<'a> {
    /// The cloud that the machines are in.
    pub provider: &'a Arc<dyn Provider>,
    /// What the machines find there.
    pub plane: &'a OwnPlane,
    /// The kind of its machines.
    pub machine: Option<Arc<dyn Kind>>,
    /// What exists there.
    pub in_cloud: &'a Observations,
    /// The ids of the machines, by name.
    pub machine_ids: BTreeMap<String, Value>,
    /// The name of the control plane that makes the cluster.
    pub first: Option<String>,
    /// Machines that each machine takes the place of.
    pub older: &'a BTreeMap<String, Vec<String>>,
    /// How nodes are drained.
    pub drain: DrainOptions,
    /// The certificates of the cluster.
    pub certificates: Certificates,
    /// The folder that they are in.
    pub pki: PathBuf,
    /// The bucket.
    pub bucket: Bucket,
    /// The nodes' downloads on this machine.
    pub cache: PathBuf,
    /// What they are.
    pub lock: Lock,
    /// Hash over them.
    pub digest: String,
    /// What nodes are made from.
    pub kits: Arc<BootstrapData>,
    /// The kind of the nodes' bundles.
    pub bundles: Arc<dyn Kind>,
    /// What machines report of their boots.
    pub boots: Arc<BootReports>,
    /// The way to the API server.
    pub kube: Arc<KubeAccess>,
    /// The requests of kubelets for certificates.
    pub approvals: Arc<KubeletApprovals>,
    /// Whether the cluster's authority signs what kubelets serve with.
    pub kubelet_serving: bool,
    /// The kinds of suites, and of the certificates of their sites.
    pub apps: [Arc<dyn Kind>; 2],
}

impl ClusterKinds<'_> {
    /// Makes the kinds, in the order of their first use.
    pub fn make(self) -> Vec<Arc<dyn Kind>> {
        let kube = || Arc::clone(&self.kube);
        let boots = || Arc::clone(&self.boots);
        let etcd = Arc::new(EtcdAccess::new(kube(), self.pki));
        let machines = Machines::of(self.in_cloud, self.plane.machine_kind);
        let traffic =
            Traffic::new(Arc::clone(self.provider), self.machine.clone(), self.older.clone());
        let join_secrets = JoinSecrets::new(self.kits.bucket().clone(), kube());
        let signs = self.kubelet_serving.then(|| Arc::clone(&self.approvals));
        let nodes = Nodes::new(
            boots(),
            kube(),
            self.drain,
            traffic,
            self.machine,
            self.machine_ids.clone(),
        );
        let mut all: Vec<Arc<dyn Kind>> = vec![
            erase(self.certificates),
            erase(Artifacts::new(self.bucket.clone(), self.cache, self.lock, self.digest)),
            self.bundles,
            erase(Turns::new(self.bucket, self.machine_ids.clone())),
            erase(ApiServers::new(boots(), kube(), self.first)),
            erase(EtcdMembers::new(
                Arc::clone(&etcd),
                boots(),
                machines,
                Arc::clone(self.provider),
            )),
            erase(KubeletCertificates::new(kube(), self.approvals, boots(), self.machine_ids)),
            erase(nodes.with_secrets(join_secrets).with_etcd(etcd).with_approvals(signs)),
        ];
        all.extend(self.apps);
        if self.plane.platform.signs_itself() {
            all.push(erase(Handovers::new(self.kits)));
        }
        all
    }
}
