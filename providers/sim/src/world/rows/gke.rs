//! Clusters of GKE, their node pools, and the operations on both.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::world::table::Row;

/// A cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GkeCluster {
    /// Order of creation.
    pub seq: u64,
    /// `LOCATION/NAME`.
    pub key: String,
    /// Region or zone.
    pub location: String,
    /// Its name, unique in the location.
    pub name: String,
    /// 64 hexadecimal digits.
    pub uid: String,
    /// The eight hexadecimal digits in the names of what GKE makes for it.
    pub hash: String,
    /// `PROVISIONING`, `RUNNING`, `RECONCILING`, `STOPPING`, `ERROR`.
    pub status: String,
    /// What was asked for with the defaults, in the form of an answer; no pools, nothing computed.
    pub config: Value,
    /// The version of the control plane, such as `1.34.3-gke.1099000`.
    pub version: String,
    /// The version that was made first.
    pub initial_version: String,
    /// When it was made.
    pub created_at: Timestamp,
    /// Changes so far, of which `etag` and `labelFingerprint` are made.
    pub revision: u64,
    /// Changes of the labels so far.
    pub labels_revision: u64,
    /// What is wrong, as `conditions` tells it.
    #[serde(default)]
    pub conditions: Vec<Value>,
    /// Where the API server listens, once there is one.
    pub endpoint: Option<SocketAddr>,
    /// The certificate authority, once there is one.
    #[serde(default)]
    pub ca_cert_pem: String,
    /// Its key.
    #[serde(default)]
    pub ca_key_pem: String,
}

impl Row for GkeCluster {
    const KIND: &'static str = "gke_cluster";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.key)
    }
    fn lookup(&self) -> &str {
        &self.name
    }
}

/// A node pool.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GkePool {
    /// Order of creation.
    pub seq: u64,
    /// `CLUSTER_SEQ/NAME`.
    pub key: String,
    /// The cluster.
    pub cluster: u64,
    /// Its name, unique in the cluster.
    pub name: String,
    /// The eight hexadecimal digits in the names of its groups and instances.
    pub hash: String,
    /// `PROVISIONING`, `RUNNING`, `RUNNING_WITH_ERROR`, `RECONCILING`, `STOPPING`, `ERROR`.
    pub status: String,
    /// What was asked for with the defaults, in the form of an answer; nothing computed.
    pub config: Value,
    /// The version of new nodes.
    pub version: String,
    /// Changes so far, of which `etag` is made.
    pub revision: u64,
    /// The number of the template that new instances are made from.
    #[serde(default)]
    pub template: u64,
    /// What is wrong, as `conditions` tells it.
    #[serde(default)]
    pub conditions: Vec<Value>,
    /// How many instances each zone's group is to have.
    pub targets: BTreeMap<String, u32>,
    /// Instances whose group gave up on them, by zone: what `lastAttempt` tells.
    #[serde(default)]
    pub stockouts: BTreeMap<String, String>,
}

impl Row for GkePool {
    const KIND: &'static str = "gke_pool";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.key)
    }
    fn lookup(&self) -> &str {
        &self.name
    }
    fn group(&self) -> Option<u64> {
        Some(self.cluster)
    }
}

/// How far an operation is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum GkeOperationStatus {
    /// Accepted.
    Pending,
    /// Under way.
    Running,
    /// Over, well or not.
    Done,
}

/// What an operation does. Each can be done twice without harm: an embedded cloud that was killed
/// begins it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GkeWork {
    /// Makes a cluster with its pools.
    CreateCluster,
    /// Takes a cluster away with its pools.
    DeleteCluster,
    /// Lays these fields over the cluster's; a null takes one away.
    UpdateCluster(Value),
    /// Moves the control plane to a version.
    UpgradeMaster(String),
    /// Replaces the cluster's labels.
    SetLabels(BTreeMap<String, String>),
    /// Makes the machines of a pool.
    CreatePool(String),
    /// Takes a pool away.
    DeletePool(String),
    /// Lays these fields over the pool's; a null takes one away.
    UpdatePool(String, Value),
    /// Lays these fields over the pool's, and replaces all its nodes.
    RecreatePool(String, Value),
    /// Moves the nodes of a pool to a version.
    UpgradePool(String, String),
    /// Gives each zone's group of a pool this many instances.
    ResizePool(String, u32),
    /// Replaces one instance that does not work.
    RepairPool(String, String),
}

impl GkeWork {
    /// Returns the pool it is about; none if it is about the whole cluster.
    pub fn pool(&self) -> Option<&str> {
        match self {
            Self::CreateCluster
            | Self::DeleteCluster
            | Self::UpdateCluster(_)
            | Self::UpgradeMaster(_)
            | Self::SetLabels(_) => None,
            Self::CreatePool(pool)
            | Self::DeletePool(pool)
            | Self::UpdatePool(pool, _)
            | Self::RecreatePool(pool, _)
            | Self::UpgradePool(pool, _)
            | Self::ResizePool(pool, _)
            | Self::RepairPool(pool, _) => Some(pool),
        }
    }
}

/// An operation.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct GkeOperation {
    /// Order of creation.
    pub seq: u64,
    /// `operation-1234567890123-...`.
    pub name: String,
    /// The cluster.
    pub cluster: u64,
    /// Its region or zone.
    pub location: String,
    /// Its name.
    pub cluster_name: String,
    /// `CREATE_CLUSTER` …; some have none.
    pub kind: Option<String>,
    /// What it does.
    pub work: GkeWork,
    /// How far it is.
    pub status: GkeOperationStatus,
    /// How far it is, in percent of its time.
    #[serde(default)]
    pub percent: u8,
    /// What it does now, in words.
    #[serde(default)]
    pub detail: String,
    /// When it began.
    pub started_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// Why it failed, as a `google.rpc.Status`.
    #[serde(default)]
    pub error: Option<Value>,
}

impl Row for GkeOperation {
    const KIND: &'static str = "gke_operation";
    fn seq(&self) -> u64 {
        self.seq
    }
    fn id(&self) -> Option<&str> {
        Some(&self.name)
    }
    /// Returns its cluster while it is not over, so that it is found by it.
    fn group(&self) -> Option<u64> {
        (self.status != GkeOperationStatus::Done).then_some(self.cluster)
    }
}
