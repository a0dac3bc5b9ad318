//! How machines get into a cluster: init and join.

use std::sync::Arc;

use super::record::{ClusterRecord, Member};
use super::running::Running;
use super::table::{ClusterRefusal, Clusters};
use super::{kube, signer};
use crate::machines::{Disk, MachineSet};
use crate::stand_in::{ClusterPlan, JoinRequest, Joined, NodeSpec, ca_sha256, sign_kubelet};
use crate::world::DropletStatus;

impl Clusters {
    /// Runs the cloud's part of `kubeadm init` on a machine.
    ///
    /// # Errors
    /// Returns an error if the authority serves a cluster already, or the API server can't start.
    pub async fn init(
        &self,
        droplet: u64,
        disk: &Disk,
        plan: ClusterPlan,
    ) -> Result<(), ClusterRefusal> {
        self.need_restored()?;
        let refused = |reason: String| ClusterRefusal::Refused(reason);
        let (ca, cert, key) = read_pki(disk)?;
        let id = ca_sha256(&ca).map_err(|e| refused(e.message))?;
        let subnet = |text: &str, default: &str| {
            let text = text.split(',').next().filter(|t| !t.is_empty()).unwrap_or(default);
            text.parse().map_err(|_| refused(format!("{text} is no subnet")))
        };
        let record = ClusterRecord {
            ca_sha256: id.clone(),
            name: plan.config.cluster_name.clone(),
            pod_cidr: subnet(&plan.config.networking.pod_subnet, "10.244.0.0/16")?,
            service_cidr: subnet(&plan.config.networking.service_subnet, "10.96.0.0/12")?,
            kubernetes_version: plan.config.kubernetes_version.clone(),
            ca_cert_pem: ca,
            pod_security: plan.pod_security.clone(),
            checks_kubelets: plan.checks_kubelets,
            members: Vec::new(),
            nodes: Vec::new(),
        };
        let running = match self.earlier(&id, droplet).await? {
            Some(running) => running,
            None => {
                let folder = ClusterRecord::folder(&self.folder, &id);
                Running::open(self.sim.clone(), folder, record)
                    .await
                    .map_err(|e| refused(e.to_string()))?
            }
        };
        // kubeadm speaks to the API server of this machine already.
        let keys = running.secret_keys(droplet).map_err(refused)?;
        let _ = running.cluster.store().with_keys(&keys);
        kube::bootstrap(&running.cluster, &plan).map_err(refused)?;
        signer::now(running.cluster.store());
        running.add_node(droplet, &plan.node.name).await;
        let member = Member {
            droplet,
            port: plan.port,
            socket: None,
            cert_pem: cert,
            key_pem: key,
            learner: false,
            id: running.new_member_id(droplet),
            name: plan.node.name.clone(),
            address: plan.advertise.to_string(),
            version: plan.config.kubernetes_version.clone(),
        };
        self.running.lock().await.insert(id, running.clone());
        running.add_member(member).await.map_err(refused)?;
        self.register(&running, droplet, &plan.node).await
    }

    async fn register(
        &self,
        running: &Running,
        droplet: u64,
        node: &NodeSpec,
    ) -> Result<(), ClusterRefusal> {
        let Some(row) = self.sim.world.droplet(droplet) else {
            return Err(ClusterRefusal::Refused("this machine is gone".to_owned()));
        };
        kube::register_node(&running.cluster, node, &row).map_err(ClusterRefusal::Refused)?;
        if running.member(droplet).await.is_some() {
            kube::add_static_pods(&running.cluster, &node.name, &row)
                .map_err(ClusterRefusal::Refused)?;
        }
        kube::set_kubelet(&running.cluster, &node.name, self.kubelet_runs(droplet));
        Ok(())
    }

    /// Finds the cluster of this authority if it runs on this machine: an init that was cut off is
    /// run again over what it left. On other machines, a second init would be a split brain, so it
    /// is refused.
    async fn earlier(
        &self,
        id: &str,
        droplet: u64,
    ) -> Result<Option<Arc<Running>>, ClusterRefusal> {
        let Some(old) = self.running.lock().await.get(id).cloned() else {
            return Ok(None);
        };
        let members = old.record().await.members;
        match members.iter().find(|m| m.droplet != droplet) {
            Some(other) if members.iter().all(|m| m.droplet != droplet) => {
                Err(ClusterRefusal::Refused(format!(
                    "this certificate authority already serves a cluster on droplet {}: join it instead of a second init",
                    other.droplet
                )))
            }
            _ => Ok(Some(old)),
        }
    }

    /// Runs the cloud's part of `kubeadm join` of a machine.
    ///
    /// # Errors
    /// Returns an error if there is no such cluster, or etcd takes no further member now.
    pub async fn join(
        &self,
        droplet: u64,
        machines: &MachineSet,
        request: JoinRequest,
    ) -> Result<Joined, ClusterRefusal> {
        self.need_restored()?;
        let running = self.running.lock().await.get(&request.ca_sha256).cloned();
        let Some(running) = running else {
            return Err(ClusterRefusal::NotNow(
                "no cluster with this certificate authority runs".to_owned(),
            ));
        };
        // Asked again after an answer was lost, the machine has registered its own Node.
        if running.node_of(droplet).await.as_deref() != Some(request.node.name.as_str()) {
            kube::free_name(&running.cluster, &request.node.name)
                .map_err(ClusterRefusal::Refused)?;
        }
        if let Some((port, address)) = request.control_plane {
            running.check_etcd().await.map_err(ClusterRefusal::NotNow)?;
            let (ca, cert, key) = read_pki(&machines.disk(droplet))?;
            if ca_sha256(&ca).ok() != Some(request.ca_sha256.clone()) {
                return Err(ClusterRefusal::Refused(
                    "the machine's ca.crt is not the cluster's".to_owned(),
                ));
            }
            let member = Member {
                droplet,
                port,
                socket: None,
                cert_pem: cert,
                key_pem: key,
                learner: true,
                id: running.new_member_id(droplet),
                name: request.node.name.clone(),
                address: address.to_string(),
                version: kube::kubeadm_config(&running.cluster).1,
            };
            running.add_member(member).await.map_err(ClusterRefusal::NotNow)?;
        } else if running.record().await.members.iter().all(|m| !self.is_active(m.droplet)) {
            return Err(ClusterRefusal::NotNow("no API server of the cluster runs".to_owned()));
        }
        let certificate = self.sign(&running, machines, &request).await?;
        running.add_node(droplet, &request.node.name).await;
        self.register(&running, droplet, &request.node).await?;
        let learner = running.member(droplet).await.is_some_and(|m| m.state == "learner");
        Ok(Joined { kubelet_certificate_pem: certificate, learner })
    }

    fn is_active(&self, droplet: u64) -> bool {
        let status = self.sim.world.droplet(droplet).map(|d| d.status);
        status == Some(DropletStatus::Active)
    }

    /// Signs a kubelet's certificate with the key on a running control plane's disk, as the
    /// controller manager does.
    async fn sign(
        &self,
        running: &Running,
        machines: &MachineSet,
        request: &JoinRequest,
    ) -> Result<String, ClusterRefusal> {
        let record = running.record().await;
        for member in record.members.iter().filter(|m| self.is_active(m.droplet)) {
            let key = machines.disk(member.droplet).root.join("etc/kubernetes/pki/ca.key");
            if let Ok(key) = std::fs::read_to_string(key) {
                return sign_kubelet(
                    &record.ca_cert_pem,
                    &key,
                    &request.csr_pem,
                    &request.node.name,
                )
                .map_err(|e| ClusterRefusal::Refused(e.message));
            }
        }
        Err(ClusterRefusal::NotNow(
            "no running control plane has the key that signs kubelets' certificates".to_owned(),
        ))
    }
}

/// Reads the authority and the API server's leaf and key from a machine's disk.
fn read_pki(disk: &Disk) -> Result<(String, String, String), ClusterRefusal> {
    let read = |name: &str| {
        std::fs::read_to_string(disk.root.join("etc/kubernetes/pki").join(name)).map_err(|_| {
            ClusterRefusal::Refused(format!(
                "open /etc/kubernetes/pki/{name}: no such file or directory"
            ))
        })
    };
    Ok((read("ca.crt")?, read("apiserver.crt")?, read("apiserver.key")?))
}
