//! Plane: who runs the control plane of a cluster, and what follows from that.

use std::{collections::BTreeMap, sync::Arc};

use infra_object_store::ObjectStore;
use infra_provider_api::{Address, BootPlatform, Cluster, Input, KubeToken, Owner, Reference};
use secrecy::SecretString;

/// The controllers that Kubernetes needs on this cloud.
#[derive(Clone, Debug)]
pub struct CloudAddon {
    /// The addon's name.
    pub addon: &'static str,
    /// Its variables.
    pub variables: BTreeMap<String, Input<String>>,
    /// Secret ones.
    pub secrets: BTreeMap<String, SecretString>,
}

/// Makes the addon for a cluster and its owner.
pub type MakeAddon = dyn Fn(&Cluster, &Owner) -> CloudAddon + Send + Sync;

/// Who runs the control plane.
pub enum Plane {
    /// Machines of the cluster's own run it: they boot with kubeadm, from a bucket of the cluster's own.
    Own(Box<OwnPlane>),
    /// The cloud runs it. The cluster has pools of machines and nothing of what makes a control plane.
    Managed(ManagedPlane),
}

/// A control plane on machines of the cluster's own.
pub struct OwnPlane {
    /// Where the cluster's bucket is.
    pub object_store: ObjectStore,
    /// Whether the store refuses, when asked to, buckets of any other account than a given one.
    pub store_checks_owner: bool,
    /// The kind that its machines are.
    pub machine_kind: &'static str,
    /// Where clients reach the API servers: the output of the load balancer that is its address or
    /// DNS name.
    pub api_host: Reference,
    /// The resource that lets clients in to the API servers.
    pub api_door: Address,
    /// The resource that is the bucket.
    pub bucket: Address,
    /// What its machines find around them when they boot.
    pub platform: BootPlatform,
    /// The controllers that Kubernetes needs here, for the cluster `owner`.
    pub addon: Box<MakeAddon>,
}

/// A control plane that the cloud runs.
pub struct ManagedPlane {
    /// Who runs it, as texts say it: `Google`.
    pub operator: &'static str,
    /// The resource that is the cluster. It has the outputs `host` (an address or a name, without a
    /// port) and `ca_pem` (the authority of the API server's certificate).
    pub cluster: Address,
    /// The kind that its pools are. A pool has the pool's name, with `-g<generation>` from the second
    /// generation on.
    pub pool_kind: &'static str,
    /// The kind that its machines are: seen and replaced, and made by their pool. Each has the outputs
    /// `id` (as the last part of its Node's provider id) and `pool` (the name of its pool).
    pub machine_kind: &'static str,
    /// The label of a Node that names its pool.
    pub pool_label: &'static str,
    /// Where tokens for the API server come from.
    pub token: Arc<dyn KubeToken>,
}

impl Plane {
    /// Returns the kind that machines are.
    pub fn machine_kind(&self) -> &'static str {
        match self {
            Self::Own(own) => own.machine_kind,
            Self::Managed(managed) => managed.machine_kind,
        }
    }

    /// Returns where clients reach the API server: an output of a resource.
    pub fn api_host(&self) -> Reference {
        match self {
            Self::Own(own) => own.api_host.clone(),
            Self::Managed(managed) => managed.host(),
        }
    }

    /// Returns the plane, if machines of the cluster's own run it.
    pub fn own(&self) -> Option<&OwnPlane> {
        match self {
            Self::Own(own) => Some(own),
            Self::Managed(_) => None,
        }
    }

    /// Returns the plane, if the cloud runs it.
    pub fn managed(&self) -> Option<&ManagedPlane> {
        match self {
            Self::Own(_) => None,
            Self::Managed(managed) => Some(managed),
        }
    }
}

impl ManagedPlane {
    /// Returns where clients reach the API server.
    pub fn host(&self) -> Reference {
        Reference { address: self.cluster.clone(), field: "host".to_owned() }
    }
}
