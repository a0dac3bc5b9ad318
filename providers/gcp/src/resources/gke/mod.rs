//! Kinds of GKE: the cluster, its pools and their machines.

mod cluster;
mod cluster_spec;
mod cluster_update;
mod instance;
mod instance_spec;
mod machines;
mod own;
mod pool;
mod pool_growth;
mod pool_spec;
mod pool_update;
mod readiness;
mod version;

pub use cluster_spec::{FirstPool, GkeClusterSpec};
pub use instance_spec::InstanceSpec;
pub use pool_spec::{NodePoolSpec, PoolShape};

pub(crate) use cluster::{GkeClusters, KIND as CLUSTER_KIND};
pub(crate) use cluster_spec::observed_version;
pub(crate) use cluster_update::downgrade;
pub(crate) use instance::Instances;
pub(crate) use instance_spec::replacement;
pub(crate) use own::{POOL_KIND, labels_of, pool_labels, size_of};
pub(crate) use pool::NodePools;
pub(crate) use pool_spec::is_reserved;
pub(crate) use version::Version;
