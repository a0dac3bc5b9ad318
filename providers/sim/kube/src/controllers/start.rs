//! Which controllers a cluster has.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::context::Controller;
use super::manager;
use crate::Cluster;

/// Starts the controllers; they end when `stop` is cancelled.
pub fn start(cluster: Cluster, stop: CancellationToken) {
    manager::run(cluster, all(), stop);
}

fn all() -> Vec<Arc<dyn Controller>> {
    vec![
        Arc::new(super::deployment::Deployments),
        Arc::new(super::replicaset::ReplicaSets),
        Arc::new(super::statefulset::StatefulSets),
        Arc::new(super::daemonset::DaemonSets),
        Arc::new(super::job::Jobs),
        Arc::new(super::cronjob::CronJobs::default()),
        Arc::new(super::gc::GarbageCollector),
        Arc::new(super::namespace::Namespaces),
        Arc::new(super::namespace::ServiceAccounts),
        Arc::new(super::endpoints::Endpoints),
        Arc::new(super::budget::Budgets),
        Arc::new(super::quota::Quotas),
        Arc::new(super::scheduler::Scheduler::default()),
        Arc::new(super::node::NodeIpam::default()),
        Arc::new(super::node::NodeStatus),
        Arc::new(super::node::NodeLifecycle),
        Arc::new(super::node::TaintEviction),
        Arc::new(super::node::PodGc),
        Arc::new(super::kubelet::Kubelet::default()),
        Arc::new(super::kubelet::ServingCertificates::default()),
        Arc::new(super::certificates::RequestCleaner),
        Arc::new(super::volume::Claims),
        Arc::new(super::volume::Volumes),
        Arc::new(super::volume::Attachments),
        Arc::new(super::cloud::CloudNodes),
        Arc::new(super::cloud::LoadBalancers::default()),
        Arc::new(super::cloud::IngressStatus),
        Arc::new(super::cert_manager::CertManager),
    ]
}
