//! Who may do what: keys for people, roles for machines, and the bucket they are limited to.

use infra_provider_api::{Address, Cluster, Input, Owner, Role, bucket_prefix};

use super::{Part, declare};
use crate::{
    policies,
    resources::{BucketSpec, IamRoleSpec, InstanceProfileSpec, KeyPairSpec, without_comment},
};

/// Returns the key pair that machines are made with; EC2 takes one.
pub(super) fn key(cluster: &Cluster) -> Option<Address> {
    cluster.ssh_keys.first().map(|key| Address::new("key_pair", &key.name))
}

pub(super) fn declared(cluster: &Cluster, owner: &Owner) -> Part {
    let mut all = Vec::new();
    for key in &cluster.ssh_keys {
        let spec = KeyPairSpec { public_key: without_comment(&key.public_key) };
        all.push(declare(Address::new("key_pair", &key.name), &spec)?);
    }
    let name = cluster.bucket.clone().unwrap_or_else(|| bucket_prefix(owner));
    let bucket = BucketSpec {
        name: name.clone(),
        region: cluster.region.clone(),
        versioned: true,
        encrypted: true,
        public_access_blocked: true,
        tls_only: true,
    };
    all.push(declare(Address::new("bucket", "artifacts"), &bucket)?);
    for role in [Role::ControlPlane, Role::Worker] {
        let address = Address::new("iam_role", role.as_str());
        let policy = policies::machine(role, &name, &cluster.region, owner);
        all.push(declare(address.clone(), &IamRoleSpec { policy })?);
        let profile = InstanceProfileSpec { role: Input::reference(address, "name") };
        all.push(declare(Address::new("instance_profile", role.as_str()), &profile)?);
    }
    Ok(all)
}
