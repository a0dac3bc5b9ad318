//! What a cluster's PKI should be.

use crate::leaf::LeafRequest;
use crate::pki::AuthorityName;
use crate::validity::Validity;

/// A leaf kept in the folder besides the administrator's.
#[derive(Debug, Clone)]
pub struct ExtraLeaf {
    /// File name without extension.
    pub stem: String,
    /// Who signs it.
    pub authority: AuthorityName,
    /// What it is for.
    pub request: LeafRequest,
}

/// The declared PKI.
#[derive(Debug, Clone)]
pub struct PkiSpec {
    /// Cluster name: part of the authorities' names, and the kubeconfig's context.
    pub cluster: String,
    /// Periods.
    pub validity: Validity,
    /// `https://host:6443`; while it is not known no kubeconfig is written.
    pub server: Option<String>,
    /// Common name of the administrator's certificate.
    pub admin_user: String,
    /// Further leaves.
    pub extra: Vec<ExtraLeaf>,
}

impl PkiSpec {
    /// The PKI of `cluster` with the default periods and no kubeconfig yet.
    pub fn new(cluster: impl Into<String>) -> PkiSpec {
        PkiSpec {
            cluster: cluster.into(),
            validity: Validity::default(),
            server: None,
            admin_user: "kubernetes-admin".into(),
            extra: Vec::new(),
        }
    }

    /// With the API server's URL.
    pub fn with_server(mut self, server: impl Into<String>) -> PkiSpec {
        self.server = Some(server.into());
        self
    }

    /// With other periods.
    pub fn with_validity(mut self, validity: Validity) -> PkiSpec {
        self.validity = validity;
        self
    }

    /// All leaves: the administrator's first.
    pub(crate) fn leaves(&self) -> Vec<ExtraLeaf> {
        let admin = ExtraLeaf {
            stem: ADMIN.into(),
            authority: AuthorityName::Kubernetes,
            request: LeafRequest::admin(&self.admin_user),
        };
        [admin].into_iter().chain(self.extra.iter().cloned()).collect()
    }
}

/// File stem of the administrator's certificate.
pub(crate) const ADMIN: &str = "admin";
