//! What belongs to no cloud: certificates, artifacts, node bundles, Nodes, suites. It has kinds
//! ([`ClusterKinds`]) and a model ([`ClusterModel`]), as each cloud has.
//!
//! They are in the same graph as the cloud's own, so that one plan shows everything and one run
//! does it in order.

mod acme_certificate;
mod acme_removal;
mod api_server;
mod app_suite;
mod artifacts;
mod boot_reports;
mod bootstrap_data;
mod certificate;
mod errors;
mod etcd_member;
mod handover;
mod join_secrets;
mod kinds;
mod kubeadm_config;
mod kubeadm_version;
mod kubeconfig;
mod kubelet_approvals;
mod kubelet_certificate;
mod kubelet_request;
mod load_balancer_membership;
mod managed_kinds;
mod model;
mod node;
mod node_bundle;
mod node_removal;
mod node_set;
mod pool_drain;
mod pool_node;
mod published_endpoint;
mod secrets;
mod site_certificate;
mod site_scope;
mod site_secret;
mod suite_sources;
mod turn;

use crate::kube_access;

pub use crate::kube_access::KubeAccess;
pub use acme_removal::{listed, needs_cert_manager};
pub use api_server::{ApiServerSpec, ApiServers};
pub use app_suite::{SuiteKind, SuiteSpec};
pub use artifacts::{Artifacts, ArtifactsSpec, lock_digest};
pub use boot_reports::{BootFailure, BootReports, report_of};
pub use bootstrap_data::{BootstrapData, BootstrapError, BootstrapInput};
pub use certificate::{CertificateSpec, Certificates, READ_CERTIFICATES};
pub use etcd_member::{ANSWERS, EtcdMemberSpec, EtcdMembers, Machines, VOTES};
pub use handover::{HandoverSpec, Handovers};
pub use join_secrets::JoinSecrets;
pub use kinds::ClusterKinds;
pub use kubeadm_config::encrypts_secrets;
pub use kubeadm_version::{kubeadm_version, set_kubeadm_version, upgrade_kubeadm_addons};
pub use kubeconfig::{KubeconfigSpec, Kubeconfigs};
pub use kubelet_approvals::{KubeletApprovals, KubeletServing, kubelets_ask};
pub use kubelet_certificate::{KubeletCertificateSpec, KubeletCertificates};
pub use load_balancer_membership::Traffic;
pub use managed_kinds::ManagedKinds;
pub use model::{
    AppsModel, CloudPlaces, ClusterModel, INGRESS, ManagedModel, ORDER, Replacement, Shrinking,
    first_control_plane, postponed, record_of, shrinking,
};
pub use node::{NodeSpec, Nodes};
pub use node_bundle::{NodeBundleSpec, NodeBundles};
pub use node_set::{NodeSetSpec, NodeSets};
pub use published_endpoint::published_endpoint;
pub use secrets::rewrite_secrets;
pub use site_certificate::{
    BroughtFiles, SiteCertificateSpec, SiteCertificates, SiteCertificatesInput, SiteIssuer,
    foreign, is_foreign,
};
pub use site_scope::SiteScope;
pub use suite_sources::{SuiteSeed, Suites};
pub use turn::{TurnSpec, Turns};

/// Kinds that live behind the cluster's API server: planned by the state while it is away.
pub const KUBERNETES_KINDS: [&str; 7] = [
    "api_server",
    "etcd_member",
    "kubelet_certificate",
    "node",
    NodeSets::KIND,
    "site_certificate",
    "suite",
];
/// Kinds that live in the cluster's bucket, and go with it.
pub const BUCKET_KINDS: [&str; 4] = ["artifacts", Handovers::KIND, "node_bundle", "turn"];
