//! Private network, SSH keys, the API server's load balancer, the bucket.

use infra_provider_api::{Address, Cluster, Input, Owner, Role, bucket_prefix};

use super::{Part, api_load_balancer, declare, vpc};
use crate::{
    BucketSpec, ForwardingRule, HealthCheck, LoadBalancerSpec, SshKeySpec, VpcSpec,
    object_store::spaces_region, ownership, resources::without_comment,
};

/// The API server's port on each control plane.
pub(super) const API_PORT: u16 = 6443;

pub(super) fn declared(cluster: &Cluster, owner: &Owner) -> Part {
    let network = VpcSpec {
        region: cluster.region.clone(),
        ip_range: cluster.network.machines.trunc().to_string(),
    };
    let balancer = LoadBalancerSpec {
        region: cluster.region.clone(),
        vpc: Input::reference(vpc(), "id"),
        tag: ownership::role_tag(owner, Role::ControlPlane),
        forwarding_rules: vec![ForwardingRule {
            entry_protocol: "tcp".to_owned(),
            entry_port: cluster.api_load_balancer.port,
            target_protocol: "tcp".to_owned(),
            target_port: API_PORT,
        }],
        health_check: HealthCheck::tcp(API_PORT),
        allow: cluster
            .api_load_balancer
            .allow
            .iter()
            .map(|range| format!("cidr:{range}"))
            .collect(),
    };
    let bucket = BucketSpec {
        name: cluster.bucket.clone().unwrap_or_else(|| bucket_prefix(owner)),
        region: spaces_region(&cluster.region).to_owned(),
    };
    let mut all = vec![declare(vpc(), &network)?];
    for key in &cluster.ssh_keys {
        let spec = SshKeySpec { public_key: without_comment(&key.public_key) };
        all.push(declare(Address::new("ssh_key", &key.name), &spec)?);
    }
    all.push(declare(api_load_balancer(), &balancer)?);
    all.push(declare(Address::new("bucket", "artifacts"), &bucket)?);
    Ok(all)
}
