//! What the simulated cloud-controller-manager and CSI driver do to this cloud.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use infra_sim_kube::{
    Cloud, CloudError, Instance, LoadBalancer, LoadBalancerRequest, VolumeRequest,
};

use crate::api::{LoadBalancerSpec, Refusal, load_balancer_model, volume_model};
use crate::sim::Sim;
use crate::world::{DropletStatus, ForwardingRule, HealthCheck, LbStatus, State as World};

/// The entrance for the controllers of one cluster.
pub struct CloudAccess {
    sim: Arc<Sim>,
}

impl CloudAccess {
    /// Makes the entrance to this embedded cloud.
    pub fn new(sim: Arc<Sim>) -> Self {
        Self { sim }
    }

    fn check(&self, token: &str) -> Result<(), CloudError> {
        // What controllers ask for is within the scopes of the cluster's own token.
        let endpoint = &self.sim.endpoint;
        let known = [&endpoint.token, &endpoint.cluster_token];
        let valid = known.into_iter().any(|one| !one.is_empty() && token.trim() == one);
        if valid { Ok(()) } else { Err(CloudError::Unauthorized) }
    }
}

fn refused(refusal: Refusal) -> CloudError {
    CloudError::Refused(refusal.message)
}

#[async_trait]
impl Cloud for CloudAccess {
    async fn ensure_load_balancer(
        &self,
        request: LoadBalancerRequest,
    ) -> Result<LoadBalancer, CloudError> {
        self.check(&request.token)?;
        let limit = self.sim.limits.get().load_balancers as usize;
        self.sim.world.write(|w| {
            let existing = w.load_balancers.by_name(&request.name).next().cloned();
            let spec = spec(w, &request);
            let l = match existing {
                None => load_balancer_model::create(w, &spec, limit).map_err(refused)?,
                Some(old)
                    if request.tags.iter().all(|tag| old.tags.contains(tag))
                        && Some(&old.forwarding_rules) == spec.forwarding_rules.as_ref()
                        && Some(&old.droplet_ids) == spec.droplet_ids.as_ref() =>
                {
                    old
                }
                Some(old) => {
                    let id = old.id.clone();
                    // The controller sends back what is not its own.
                    let tags = Some(old.tags.clone()).filter(|_| spec.tags.is_none());
                    let spec = LoadBalancerSpec {
                        tags: spec.tags.or(tags),
                        project_id: Some(old.project_id.clone()),
                        ..spec
                    };
                    load_balancer_model::replace(w, &id, &spec).map_err(refused)?
                }
            };
            Ok(LoadBalancer {
                id: l.id.clone(),
                ip: (l.status == LbStatus::Active).then_some(IpAddr::V4(l.ip)),
            })
        })
    }

    async fn delete_load_balancer(&self, id: &str) -> Result<(), CloudError> {
        self.sim.world.write(|w| {
            if let Some(seq) = w.load_balancers.by_id(id).map(|l| l.seq) {
                w.load_balancers.remove(seq);
            }
        });
        Ok(())
    }

    async fn ensure_volume(&self, request: VolumeRequest) -> Result<String, CloudError> {
        self.check(&request.token)?;
        let region = match request.region {
            Some(region) => region,
            None => self.sim.world.read(any_region),
        };
        let limit = self.sim.limits.get().volumes as usize;
        let spec = volume_model::Spec {
            name: Some(request.name),
            region: Some(region.clone()),
            size_gigabytes: Some(request.size_gib),
            tags: Some(request.tags),
            description: Some("Created by DigitalOcean CSI driver".to_owned()),
            ..volume_model::Spec::default()
        };
        self.sim.world.write(|w| {
            let name = spec.name.as_deref().unwrap_or_default();
            if let Ok(volume) = volume_model::by_name(w, name, &region) {
                return Ok(volume.id.clone());
            }
            let volume = volume_model::create(w, &spec, limit).map_err(refused)?;
            Ok(volume.id.clone())
        })
    }

    async fn delete_volume(&self, id: &str) -> Result<(), CloudError> {
        self.sim.world.write(|w| {
            let seq = w.volumes.by_id(id).map(|v| v.seq);
            seq.map_or(Ok(()), |seq| volume_model::delete(w, seq).map_err(refused))
        })
    }

    async fn attach_volume(&self, id: &str, droplet_id: Option<u64>) -> Result<(), CloudError> {
        self.sim.world.write(|w| {
            let volume = w
                .volumes
                .by_id(id)
                .cloned()
                .ok_or_else(|| CloudError::Refused(format!("volume {id} does not exist")))?;
            if volume.droplet_id == droplet_id {
                return Ok(());
            }
            match droplet_id {
                Some(droplet) => volume_model::attach(w, volume.seq, droplet).map_err(refused),
                None => volume_model::detach(w, volume.seq, None).map_err(refused),
            }
        })
    }

    async fn instance(&self, node_name: &str) -> Result<Option<Instance>, CloudError> {
        let found = self.sim.world.read(|w| w.droplets.by_name(node_name).last().cloned());
        Ok(found.map(|d| Instance {
            droplet_id: d.id,
            region: d.region.clone(),
            size: d.size.clone(),
            provider_id: format!("digitalocean://{}", d.id),
            public_ip: d.public_ip.map(IpAddr::V4),
            private_ip: Some(IpAddr::V4(d.private_ip)),
            up: d.status == DropletStatus::Active,
        }))
    }

    async fn resolve(&self, host: &str) -> Vec<IpAddr> {
        crate::machines::look_up(&self.sim, host).map(IpAddr::V4).into_iter().collect()
    }

    async fn has_zone(&self, host: &str, token: &str) -> Result<bool, CloudError> {
        self.check(token)?;
        let host = host.trim_start_matches("*.");
        let is_in = |zone: &str| host == zone || host.ends_with(&format!(".{zone}"));
        Ok(self.sim.world.read(|w| w.domains.iter().any(|domain| is_in(&domain.name))))
    }

    async fn node_socket(&self, node_name: &str, port: u16) -> Option<SocketAddr> {
        let droplet =
            self.sim.world.read(|w| w.droplets.by_name(node_name).last().map(|d| d.id))?;
        self.sim.net.lookup(droplet, port)
    }
}

/// Returns the region of the last machine, for a controller that names no region.
fn any_region(w: &World) -> String {
    w.droplets.iter().last().map(|d| d.region.clone()).unwrap_or_default()
}

/// Makes the load balancer as the real controller asks for it: droplets by id, health by the first
/// port.
fn spec(w: &World, request: &LoadBalancerRequest) -> LoadBalancerSpec {
    let vpc = request.vpc_id.as_deref().and_then(|id| w.vpcs.by_id(id));
    let droplet = request.droplet_ids.iter().find_map(|id| w.droplets.get(*id));
    let region = match (vpc, droplet) {
        (Some(vpc), _) => vpc.region.clone(),
        (None, Some(droplet)) => droplet.region.clone(),
        (None, None) => any_region(w),
    };
    let vpc_uuid = request.vpc_id.clone().or_else(|| droplet.map(|d| d.vpc_uuid.clone()));
    let rules: Vec<ForwardingRule> = request
        .ports
        .iter()
        .map(|p| ForwardingRule {
            entry_protocol: p.protocol.to_ascii_lowercase(),
            entry_port: p.port,
            target_protocol: p.protocol.to_ascii_lowercase(),
            target_port: p.node_port,
            certificate_id: String::new(),
            tls_passthrough: false,
        })
        .collect();
    // Droplets that went away between the look at the nodes and now are left out.
    let droplet_ids =
        request.droplet_ids.iter().copied().filter(|id| w.droplets.get(*id).is_some()).collect();
    let health_check = rules.first().map(|r| HealthCheck {
        protocol: "tcp".to_owned(),
        port: r.target_port,
        check_interval_seconds: 3,
        ..HealthCheck::default()
    });
    LoadBalancerSpec {
        name: Some(request.name.clone()),
        region: Some(region),
        forwarding_rules: Some(rules),
        health_check,
        droplet_ids: Some(droplet_ids),
        tags: Some(request.tags.clone()).filter(|tags| !tags.is_empty()),
        vpc_uuid,
        ..LoadBalancerSpec::default()
    }
}
