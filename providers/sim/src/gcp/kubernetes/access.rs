//! What the built-in controllers of a cluster do to the cloud.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use infra_sim_kube::{
    Cloud, CloudError, Instance, LoadBalancer, LoadBalancerRequest, VolumeRequest,
};

use super::nodes::provider_id;
use crate::gcp::balancing::GkeCloud;
use crate::gcp::places::region_of;
use crate::sim::Sim;
use crate::world::{Instance as Row, InstanceStatus};

/// The entrance for the controllers of one cluster.
pub struct Access {
    sim: Arc<Sim>,
    cluster: u64,
    cloud: GkeCloud,
}

impl Access {
    /// Makes the entrance of the cluster of a row.
    pub fn new(sim: Arc<Sim>, cluster: u64) -> Self {
        let cloud = GkeCloud::new(sim.clone(), cluster);
        Self { sim, cluster, cloud }
    }

    fn instance(&self, name: &str) -> Option<Arc<Row>> {
        self.sim
            .world
            .read(|w| w.instances.by_name(name).find(|one| one.cluster == self.cluster).cloned())
    }
}

#[async_trait]
impl Cloud for Access {
    async fn ensure_load_balancer(
        &self,
        request: LoadBalancerRequest,
    ) -> Result<LoadBalancer, CloudError> {
        self.cloud.ensure_load_balancer(&request)
    }

    async fn delete_load_balancer(&self, name: &str) -> Result<(), CloudError> {
        self.cloud.delete_load_balancer(name)
    }

    async fn ensure_volume(&self, request: VolumeRequest) -> Result<String, CloudError> {
        self.cloud.ensure_volume(&request)
    }

    async fn delete_volume(&self, id: &str) -> Result<(), CloudError> {
        self.cloud.delete_volume(id)
    }

    async fn attach_volume(&self, id: &str, machine: Option<u64>) -> Result<(), CloudError> {
        self.cloud.attach_volume(id, machine)
    }

    async fn resolve(&self, host: &str) -> Vec<IpAddr> {
        self.cloud.resolve(host)
    }

    async fn has_zone(&self, host: &str, _token: &str) -> Result<bool, CloudError> {
        Ok(self.cloud.has_zone(host))
    }

    async fn instance(&self, node_name: &str) -> Result<Option<Instance>, CloudError> {
        Ok(self.instance(node_name).map(|one| Instance {
            droplet_id: one.id,
            region: region_of(&one.zone).to_owned(),
            size: one.machine_type.clone(),
            provider_id: provider_id(&self.sim.gcp.project, &one),
            public_ip: one.external_ip.map(IpAddr::V4),
            private_ip: Some(IpAddr::V4(one.internal_ip)),
            up: one.status == InstanceStatus::Running,
        }))
    }

    async fn node_socket(&self, node_name: &str, port: u16) -> Option<SocketAddr> {
        let instance = self.instance(node_name)?;
        self.sim.net.lookup(instance.id, port)
    }
}
