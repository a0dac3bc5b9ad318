//! A cloud that remembers what it was asked for.

use std::collections::BTreeMap;
use std::sync::Mutex;

use async_trait::async_trait;
use infra_sim_kube::{
    Cloud, CloudError, Instance, LoadBalancer, LoadBalancerRequest, VolumeRequest,
};

/// See above; the fields are what there is.
#[derive(Default)]
pub struct FakeCloud {
    pub balancers: Mutex<BTreeMap<String, LoadBalancerRequest>>,
    pub volumes: Mutex<BTreeMap<String, VolumeRequest>>,
    pub attached: Mutex<BTreeMap<String, u64>>,
    pub instances: Mutex<BTreeMap<String, Instance>>,
}

impl FakeCloud {
    pub fn add_instance(&self, node: &str, droplet_id: u64) {
        let instance = Instance {
            droplet_id,
            region: "fra1".into(),
            size: "s-2vcpu-4gb".into(),
            provider_id: format!("digitalocean://{droplet_id}"),
            public_ip: "203.0.113.7".parse().ok(),
            private_ip: "10.0.0.5".parse().ok(),
            up: true,
        };
        self.instances.lock().unwrap().insert(node.into(), instance);
    }
}

#[async_trait]
impl Cloud for FakeCloud {
    async fn ensure_load_balancer(
        &self,
        r: LoadBalancerRequest,
    ) -> Result<LoadBalancer, CloudError> {
        if r.token != "good" {
            return Err(CloudError::Unauthorized);
        }
        let id = format!("lb-{}", r.name);
        self.balancers.lock().unwrap().insert(id.clone(), r);
        Ok(LoadBalancer { id, ip: "203.0.113.10".parse().ok() })
    }

    async fn delete_load_balancer(&self, id: &str) -> Result<(), CloudError> {
        self.balancers.lock().unwrap().remove(id);
        Ok(())
    }

    async fn ensure_volume(&self, r: VolumeRequest) -> Result<String, CloudError> {
        let id = format!("vol-{}", r.name);
        self.volumes.lock().unwrap().insert(id.clone(), r);
        Ok(id)
    }

    async fn delete_volume(&self, id: &str) -> Result<(), CloudError> {
        if self.attached.lock().unwrap().contains_key(id) {
            return Err(CloudError::Refused("the volume is attached".into()));
        }
        self.volumes.lock().unwrap().remove(id);
        Ok(())
    }

    async fn attach_volume(&self, id: &str, droplet_id: Option<u64>) -> Result<(), CloudError> {
        let mut attached = self.attached.lock().unwrap();
        match droplet_id {
            Some(d) => {
                attached.insert(id.to_owned(), d);
            }
            None => {
                attached.remove(id);
            }
        }
        Ok(())
    }

    async fn instance(&self, node_name: &str) -> Result<Option<Instance>, CloudError> {
        Ok(self.instances.lock().unwrap().get(node_name).cloned())
    }
}
