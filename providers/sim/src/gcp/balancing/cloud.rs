//! The entrance for the controllers of one cluster: load balancers and disks.

use std::net::IpAddr;
use std::sync::Arc;

use infra_sim_kube::{CloudError, LoadBalancer, LoadBalancerRequest, VolumeRequest};

use super::cluster::Cluster;
use super::{disks, ensure, remove};
use crate::gcp::dns;
use crate::sim::Sim;

/// The load balancers and disks of one cluster.
pub struct GkeCloud {
    sim: Arc<Sim>,
    cluster: u64,
}

impl GkeCloud {
    /// Makes the entrance for the cluster of a row.
    pub fn new(sim: Arc<Sim>, cluster: u64) -> Self {
        Self { sim, cluster }
    }

    /// Makes or updates the load balancer of a Service.
    ///
    /// # Errors
    /// Returns an error if the cloud refuses a part of it.
    pub fn ensure_load_balancer(
        &self,
        request: &LoadBalancerRequest,
    ) -> Result<LoadBalancer, CloudError> {
        self.sim.world.write(|w| {
            let cluster = Cluster::find(w, &self.sim.gcp.project, self.cluster)?;
            ensure::balancer(w, &cluster, request)
        })
    }

    /// Deletes a load balancer by its name; one that is gone is no error.
    ///
    /// # Errors
    /// Returns an error if the cluster is gone.
    pub fn delete_load_balancer(&self, name: &str) -> Result<(), CloudError> {
        self.sim.world.write(|w| {
            let cluster = Cluster::find(w, &self.sim.gcp.project, self.cluster)?;
            remove::balancer(w, &cluster, name);
            Ok(())
        })
    }

    /// Makes a disk unless it is there; gives its handle.
    ///
    /// # Errors
    /// Returns an error if the cloud refuses it.
    pub fn ensure_volume(&self, request: &VolumeRequest) -> Result<String, CloudError> {
        self.sim.world.write(|w| {
            let cluster = Cluster::find(w, &self.sim.gcp.project, self.cluster)?;
            disks::make(w, &cluster, request)
        })
    }

    /// Deletes a disk by its handle; one that is gone is no error.
    ///
    /// # Errors
    /// Returns an error if an instance has it.
    pub fn delete_volume(&self, handle: &str) -> Result<(), CloudError> {
        self.sim.world.write(|w| disks::delete(w, handle))
    }

    /// Attaches a disk to an instance by its number, or detaches it.
    ///
    /// # Errors
    /// Returns an error if it can't be attached.
    pub fn attach_volume(&self, handle: &str, instance: Option<u64>) -> Result<(), CloudError> {
        self.sim.world.write(|w| disks::attach(w, self.cluster, handle, instance))
    }

    /// Returns the addresses that the name servers tell for a host.
    pub fn resolve(&self, host: &str) -> Vec<IpAddr> {
        crate::machines::look_up(&self.sim, host).map(IpAddr::V4).into_iter().collect()
    }

    /// Reports whether there is a zone for a host.
    pub fn has_zone(&self, host: &str) -> bool {
        let host = host.trim_start_matches("*.");
        let is_in = |zone: &str| host == zone || host.ends_with(&format!(".{zone}"));
        self.sim.world.read(|w| dns::zone_names(w).any(is_in))
    }
}
