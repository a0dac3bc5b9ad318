//! What the simulated cloud-controller-manager and CSI driver call. infra-sim implements it on its
//! model of DigitalOcean.

use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;

/// The cloud below the cluster.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// Makes or updates the load balancer of that name; idempotent by name.
    async fn ensure_load_balancer(
        &self,
        request: LoadBalancerRequest,
    ) -> Result<LoadBalancer, CloudError>;
    /// Deletes a load balancer; one that is gone is no error. The id is its name where the cloud runs the
    /// control plane.
    async fn delete_load_balancer(&self, id: &str) -> Result<(), CloudError>;
    /// Makes the volume of that name if there is none; answers its id.
    async fn ensure_volume(&self, request: VolumeRequest) -> Result<String, CloudError>;
    /// Deletes a volume; one that is gone is no error.
    async fn delete_volume(&self, id: &str) -> Result<(), CloudError>;
    /// Attaches a volume to a droplet, or detaches it (`None`).
    async fn attach_volume(&self, id: &str, droplet_id: Option<u64>) -> Result<(), CloudError>;
    /// Finds the droplet behind a node; returns `None` if it does not exist.
    async fn instance(&self, node_name: &str) -> Result<Option<Instance>, CloudError>;
    /// Returns the addresses that the cloud's name servers tell for a host.
    async fn resolve(&self, _host: &str) -> Vec<IpAddr> {
        Vec::new()
    }
    /// Reports whether there is a zone for a host, in which the token may write records.
    async fn has_zone(&self, _host: &str, _token: &str) -> Result<bool, CloudError> {
        Ok(false)
    }
    /// Finds the real socket behind a port of a node's own network; returns `None` if nothing
    /// listens there.
    async fn node_socket(&self, _node_name: &str, _port: u16) -> Option<SocketAddr> {
        None
    }
}

/// What a Service of type LoadBalancer asks of the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancerRequest {
    /// The Kubernetes cluster's name.
    pub cluster: String,
    /// metadata.uid of the Service.
    pub service_uid: String,
    /// The load balancer's name, unique in the account.
    pub name: String,
    /// The VPC it stands in, if the controller was given one.
    pub vpc_id: Option<String>,
    /// Tags of the load balancer itself.
    pub tags: Vec<String>,
    /// One forwarding rule a port.
    pub ports: Vec<LoadBalancerPort>,
    /// The droplets it sends to.
    pub droplet_ids: Vec<u64>,
    /// The nodes it sends to, by name.
    pub nodes: Vec<String>,
    /// The Service, as `namespace/name`.
    pub service: String,
    /// `spec.loadBalancerSourceRanges`: who may connect; everybody if it is empty.
    pub source_ranges: Vec<String>,
    /// `spec.healthCheckNodePort`, of a Service with `externalTrafficPolicy: Local`.
    pub health_check_node_port: Option<u16>,
    /// The API token of the controller.
    pub token: String,
}

/// One forwarding rule of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancerPort {
    /// The port clients connect to.
    pub port: u16,
    /// The port of each droplet.
    pub node_port: u16,
    /// `tcp`, `http`, … as the cloud spells it.
    pub protocol: String,
}

/// A load balancer that exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadBalancer {
    /// The cloud's id.
    pub id: String,
    /// Its address, `None` while the cloud is still making it.
    pub ip: Option<IpAddr>,
}

/// What a PersistentVolumeClaim asks of the cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VolumeRequest {
    /// The volume's name, unique in the account and region.
    pub name: String,
    /// Its size in GiB.
    pub size_gib: u64,
    /// The region's slug; `None` for the one of the cluster.
    pub region: Option<String>,
    /// The zone that the volume must be in, where the cloud's volumes are in zones.
    pub zone: Option<String>,
    /// The claim it is made for, as `namespace/name`.
    pub claim: String,
    /// `parameters.type` of the storage class.
    pub kind: Option<String>,
    /// Tags of the volume.
    pub tags: Vec<String>,
    /// The API token of the driver.
    pub token: String,
}

/// The machine behind a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Instance {
    /// The droplet's id.
    pub droplet_id: u64,
    /// Its region's slug.
    pub region: String,
    /// Its size's slug.
    pub size: String,
    /// `spec.providerID` of its Node.
    pub provider_id: String,
    /// Its public address.
    pub public_ip: Option<IpAddr>,
    /// Its address in the VPC.
    pub private_ip: Option<IpAddr>,
    /// Whether it runs.
    pub up: bool,
}

/// Why the cloud refused or failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// The token is not valid (HTTP 401).
    #[error("Unable to authenticate you")]
    Unauthorized,
    /// The cloud refuses the request as such (HTTP 4xx).
    #[error("{0}")]
    Refused(String),
    /// The cloud may succeed when asked again (HTTP 429 or 5xx, or no answer).
    #[error("{0}")]
    Unavailable(String),
}
