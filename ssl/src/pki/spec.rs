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

/// How a cluster begins with encryption keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EncryptionStart {
    /// It is made now: the key writes from the beginning.
    New,
    /// It is recreated, and what it held is given up: the newest key that is there writes from the
    /// beginning.
    Anew,
    /// It runs without: its API servers must all be able to read before one of them writes.
    Existing,
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
    /// Whether there is an authority for sites.
    pub site: bool,
    /// Whether there is nothing else than the authority for sites: the control plane is not the cluster's own.
    pub sites_only: bool,
    /// Further leaves.
    pub extra: Vec<ExtraLeaf>,
    /// How encryption keys are begun; `None`: not at all.
    pub encryption: Option<EncryptionStart>,
}

impl PkiSpec {
    /// Makes the PKI of `cluster` with the default periods and no kubeconfig yet.
    pub fn new(cluster: impl Into<String>) -> PkiSpec {
        PkiSpec {
            cluster: cluster.into(),
            validity: Validity::default(),
            server: None,
            admin_user: "kubernetes-admin".into(),
            site: false,
            sites_only: false,
            extra: Vec::new(),
            encryption: None,
        }
    }

    /// Sets how encryption keys are begun.
    pub fn with_encryption(mut self, start: Option<EncryptionStart>) -> PkiSpec {
        self.encryption = start;
        self
    }

    /// Sets the API server's URL.
    pub fn with_server(mut self, server: impl Into<String>) -> PkiSpec {
        self.server = Some(server.into());
        self
    }

    /// Sets other periods.
    pub fn with_validity(mut self, validity: Validity) -> PkiSpec {
        self.validity = validity;
        self
    }

    /// Adds the authority for sites, or leaves it out.
    pub fn with_site(mut self, site: bool) -> PkiSpec {
        self.site = site;
        self
    }

    /// Leaves out all but the authority for sites, or leaves nothing out.
    pub fn with_sites_only(mut self, sites_only: bool) -> PkiSpec {
        self.sites_only = sites_only;
        self
    }

    /// The authorities that shall be there.
    pub(crate) fn authorities(&self) -> impl Iterator<Item = AuthorityName> {
        let (site, only) = (self.site, self.sites_only);
        AuthorityName::ALL.into_iter().filter(move |name| match name {
            AuthorityName::Site => site,
            _ => !only,
        })
    }

    /// Returns all leaves, the administrator's first.
    pub(crate) fn leaves(&self) -> Vec<ExtraLeaf> {
        if self.sites_only {
            return Vec::new();
        }
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
