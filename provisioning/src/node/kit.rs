//! The input.

use std::time::Duration;

use infra_provider_api::BootPlatform;
use infra_ssl::PkiFile;

use crate::artifacts::Lock;
use crate::bundle::{RevisionInputs, revision};
use crate::kubeadm::{NodeBoot, PROVIDER_ID_MARK, Role};
use crate::node::NodeKitError;

/// How long the URLs are good for that lead to secrets: the node's bundle, the cluster's keys, artifacts.
/// A machine uses them in its first minutes; a slow one has half an hour.
pub const DEFAULT_URL_TTL: Duration = Duration::from_secs(1800);
/// How long a machine may report, and a control plane may look whether it is its turn.
pub const REPORT_URL_TTL: Duration = Duration::from_secs(3600);

/// Everything that one node is made from.
#[derive(Debug, Clone)]
pub struct NodeKit {
    /// Its configuration.
    pub boot: NodeBoot,
    /// The artifacts, already in the bucket.
    pub lock: Lock,
    /// Authorities and service-account key ([`infra_ssl::node_pki`]): for control planes, and only
    /// for them.
    pub pki: Vec<PkiFile>,
    /// Where it runs.
    pub platform: BootPlatform,
    /// How long the URLs are good for.
    pub url_ttl: Duration,
    /// How long a control plane waits for its turn.
    pub turn_timeout: Duration,
    /// The object store's certificate authority, when the system does not trust it; `None`: the
    /// one that the bucket's own settings have.
    pub store_ca_pem: Option<String>,
}

impl NodeKit {
    /// Makes a kit with the usual periods. Where machines sign their own requests, kubelets that have an
    /// external cloud provider get the cloud's own id of their machine: its name there says nothing.
    pub fn new(mut boot: NodeBoot, lock: Lock, platform: BootPlatform) -> NodeKit {
        if platform.signs_itself() && boot.cloud_provider_external {
            boot.kubelet_args.push(("provider-id".into(), PROVIDER_ID_MARK.into()));
        }
        NodeKit {
            boot,
            lock,
            pki: Vec::new(),
            platform,
            url_ttl: DEFAULT_URL_TTL,
            turn_timeout: Duration::from_secs(2700),
            store_ca_pem: None,
        }
    }

    /// Returns the revision: 16 hexadecimal digits over the stable inputs. It has no side effects.
    pub fn revision(&self) -> String {
        revision(&RevisionInputs::of(&self.boot, &self.lock))
    }

    /// Returns `init` or `join`.
    pub fn verb(&self) -> &'static str {
        if self.boot.is_init() { "init" } else { "join" }
    }

    pub(crate) fn check(&self) -> Result<(), NodeKitError> {
        let node = || self.boot.node.clone();
        let wanted = self.boot.kubernetes_version.trim_start_matches('v');
        if wanted != self.lock.kubernetes {
            return Err(NodeKitError::VersionMismatch {
                node: node(),
                wanted: wanted.into(),
                locked: self.lock.kubernetes.clone(),
            });
        }
        match (self.boot.role, self.pki.is_empty()) {
            (Role::ControlPlane, true) => Err(NodeKitError::Pki {
                node: node(),
                reason: "a control plane needs the authorities and the service-account key",
            }),
            (Role::Worker, false) => Err(NodeKitError::Pki {
                node: node(),
                reason: "a worker must not get keys of the cluster",
            }),
            _ => Ok(()),
        }
    }
}
