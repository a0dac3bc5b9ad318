//! Kinds that belong to no cloud: certificates, artifacts, node bundles, Nodes, suites.
//!
//! They are in the same graph as the cloud's own, so that one plan shows everything and one run
//! does it in order.

mod api_server;
mod artifacts;
mod boots;
mod certificate;
mod errors;
mod etcd_member;
mod join_secrets;
mod keeper;
mod kits;
mod kube_access;
mod node;
mod node_bundle;
mod node_removal;
mod suite;
mod suites;
mod traffic;
mod turn;

pub use api_server::{ApiServerSpec, ApiServers};
pub use artifacts::{Artifacts, ArtifactsSpec, lock_digest};
pub use boots::Boots;
pub use certificate::{CertificateSpec, Certificates};
pub use etcd_member::{EtcdMemberSpec, EtcdMembers, Machines};
pub use join_secrets::JoinSecrets;
pub use keeper::Keeper;
pub use kits::{Kits, KitsError, KitsInput};
pub use kube_access::KubeAccess;
pub use node::{NodeSpec, Nodes};
pub use node_bundle::{NodeBundleSpec, NodeBundles};
pub use suite::{SuiteKind, SuiteSpec};
pub use suites::{SuiteSeed, Suites};
pub use traffic::Traffic;
pub use turn::{TurnSpec, Turns};

/// Kinds that live behind the cluster's API server: planned by the record while it is away.
pub const KUBERNETES_KINDS: [&str; 4] = ["api_server", "etcd_member", "node", "suite"];
/// Kinds that live in the cluster's bucket, and go with it.
pub const BUCKET_KINDS: [&str; 3] = ["artifacts", "node_bundle", "turn"];
