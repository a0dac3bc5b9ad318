//! Leaf certificates by profile.

use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose as Usage, IsCa,
    KeyUsagePurpose,
};

use crate::error::Result;
use crate::key::PrivateKey;
use crate::names::Names;

/// Group of the cluster's administrators. Since Kubernetes 1.29 `kubeadm init` binds it to
/// `cluster-admin`; unlike `system:masters` that binding can be taken away again.
pub const ADMIN_GROUP: &str = "kubeadm:cluster-admins";

/// The longest common name that X.520 allows.
const COMMON_NAME_MAX: usize = 64;

/// What a leaf is for; decides subject and key usages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// A person or tool with full rights: `O=kubeadm:cluster-admins`.
    Admin {
        /// Common name: the user the API server sees.
        user: String,
    },
    /// The API server's serving certificate.
    ApiServer,
    /// The API server as a client of kubelets (`O=kubeadm:cluster-admins`, as kubeadm gives it since 1.29).
    ApiServerKubeletClient,
    /// etcd's serving certificate; etcd also dials itself with it.
    EtcdServer {
        /// Node name.
        node: String,
    },
    /// Between etcd members.
    EtcdPeer {
        /// Node name.
        node: String,
    },
    /// Liveness probes of etcd, and backups.
    EtcdHealthcheckClient,
    /// The API server as a client of etcd.
    ApiServerEtcdClient,
    /// The aggregation layer's client.
    FrontProxyClient,
    /// Anything else.
    Generic {
        /// `CN`.
        common_name: String,
        /// `O`: the group the API server sees.
        organization: Option<String>,
        /// May serve.
        server: bool,
        /// May be a client.
        client: bool,
    },
}

/// A leaf to be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeafRequest {
    /// What it is for.
    pub profile: Profile,
    /// Subject alternative names.
    pub names: Names,
}

/// A certificate with its key.
#[derive(Debug)]
pub struct Issued {
    /// Certificate, PEM.
    pub cert_pem: String,
    /// Its key.
    pub key: PrivateKey,
}

impl LeafRequest {
    /// Requests an administrator's client certificate.
    pub fn admin(user: impl Into<String>) -> LeafRequest {
        LeafRequest { profile: Profile::Admin { user: user.into() }, names: Names::default() }
    }

    /// Requests the API server's serving certificate for `names`.
    pub fn api_server(names: Names) -> LeafRequest {
        LeafRequest { profile: Profile::ApiServer, names }
    }

    /// Requests a site's serving certificate for `names`.
    pub fn site(names: Names) -> LeafRequest {
        // A common name has at most 64 characters; browsers read the names only.
        let short = names.dns.iter().find(|name| name.len() <= COMMON_NAME_MAX);
        let profile = Profile::Generic {
            common_name: short.cloned().unwrap_or_else(|| "site".into()),
            organization: None,
            server: true,
            client: false,
        };
        LeafRequest { profile, names }
    }

    /// Returns the subject as [`crate::CertificateFacts::subject`] prints it.
    pub fn subject(&self) -> String {
        let (common_name, organization) = self.profile.subject();
        organization
            .iter()
            .map(|o| format!("O={o}"))
            .chain([format!("CN={common_name}")])
            .collect::<Vec<_>>()
            .join(", ")
    }

    pub(crate) fn params(&self) -> Result<CertificateParams> {
        let (common_name, organization) = self.profile.subject();
        let mut name = DistinguishedName::new();
        if let Some(organization) = organization {
            name.push(DnType::OrganizationName, organization);
        }
        name.push(DnType::CommonName, common_name);
        let mut params = CertificateParams::default();
        params.distinguished_name = name;
        params.subject_alt_names = self.names.to_sans()?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = self.profile.usages();
        params.use_authority_key_identifier_extension = true;
        Ok(params)
    }

    pub(crate) fn wants_server(&self) -> bool {
        self.profile.usages().contains(&Usage::ServerAuth)
    }

    pub(crate) fn wants_client(&self) -> bool {
        self.profile.usages().contains(&Usage::ClientAuth)
    }
}

impl Profile {
    /// Returns the common name and the organization; they are kubeadm's if kubeadm has them.
    fn subject(&self) -> (String, Option<String>) {
        match self {
            Profile::Admin { user } => (user.clone(), Some(ADMIN_GROUP.to_string())),
            Profile::ApiServer => ("kube-apiserver".into(), None),
            Profile::ApiServerKubeletClient => {
                ("kube-apiserver-kubelet-client".into(), Some(ADMIN_GROUP.to_string()))
            }
            Profile::EtcdServer { node } | Profile::EtcdPeer { node } => (node.clone(), None),
            Profile::EtcdHealthcheckClient => ("kube-etcd-healthcheck-client".into(), None),
            Profile::ApiServerEtcdClient => ("kube-apiserver-etcd-client".into(), None),
            Profile::FrontProxyClient => ("front-proxy-client".into(), None),
            Profile::Generic { common_name, organization, .. } => {
                (common_name.clone(), organization.clone())
            }
        }
    }

    fn usages(&self) -> Vec<Usage> {
        let (server, client) = match self {
            Profile::ApiServer => (true, false),
            Profile::EtcdServer { .. } | Profile::EtcdPeer { .. } => (true, true),
            Profile::Generic { server, client, .. } => (*server, *client),
            _ => (false, true),
        };
        let mut usages = Vec::new();
        if server {
            usages.push(Usage::ServerAuth);
        }
        if client {
            usages.push(Usage::ClientAuth);
        }
        usages
    }
}
