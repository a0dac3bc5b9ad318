//! The cloud as a cluster's controllers see it.

use std::sync::Arc;

use async_trait::async_trait;
use infra_sim_kube::{
    Cloud, CloudError, Instance, LoadBalancer, LoadBalancerRequest, VolumeRequest,
};

use crate::sim::Sim;
use crate::world::DropletStatus;

/// Droplets by node name.
pub struct Instances(pub Arc<Sim>);

fn later() -> CloudError {
    CloudError::Unavailable("not available yet".to_owned())
}

#[async_trait]
impl Cloud for Instances {
    async fn ensure_load_balancer(
        &self,
        _: LoadBalancerRequest,
    ) -> Result<LoadBalancer, CloudError> {
        Err(later())
    }

    async fn delete_load_balancer(&self, _: &str) -> Result<(), CloudError> {
        Err(later())
    }

    async fn ensure_volume(&self, _: VolumeRequest) -> Result<String, CloudError> {
        Err(later())
    }

    async fn delete_volume(&self, _: &str) -> Result<(), CloudError> {
        Err(later())
    }

    async fn attach_volume(&self, _: &str, _: Option<u64>) -> Result<(), CloudError> {
        Err(later())
    }

    async fn instance(&self, node_name: &str) -> Result<Option<Instance>, CloudError> {
        Ok(self.0.world.droplets_named(node_name).first().map(|d| Instance {
            droplet_id: d.id,
            region: d.region.clone(),
            size: d.size.clone(),
            public_ip: d.public_ip.map(Into::into),
            private_ip: Some(d.private_ip.into()),
            up: d.status == DropletStatus::Active,
        }))
    }
}
