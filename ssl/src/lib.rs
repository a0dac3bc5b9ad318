//! Certificate authorities, leaf certificates, kubeconfigs, expiry, rotation.
//!
//! Everything that decides is a pure function of PEM texts and a point in time; only
//! [`ensure`], [`plan`], [`status`], [`remove`] and the kubeconfig file functions touch the disk, through
//! [`files`], which writes atomically and keeps keys at mode 0600.
//!
//! Keys are ECDSA P-256 throughout: kubeadm, etcd and every client of the API server take them,
//! which is not so for Ed25519.

mod authority;
mod error;
pub mod files;
mod hash;
mod inspect;
mod key;
mod kubeconfig;
mod leaf;
mod names;
mod pki;
mod token;
mod validity;
pub mod yaml;

pub use authority::Authority;
pub use error::{Result, SslError};
pub use hash::ca_cert_hash;
pub use inspect::{CertificateFacts, certificate_facts};
pub use key::PrivateKey;
pub use kubeconfig::{
    Credentials, Kubeconfig, MergeOptions, MergeReport, default_kubeconfig_path, merge_file,
    merge_text, remove_file_entries,
};
pub use leaf::{ADMIN_GROUP, Issued, LeafRequest, Profile};
pub use names::{ApiServerNames, Names, api_server_names, first_service_address};
pub use pki::{
    Action, AuthorityName, CertificateStatus, Change, ExtraLeaf, NodePki, PkiFile, PkiLayout,
    PkiSpec, Verdict, clock_warning, ensure, node_pki, plan, remove, status, unfinished,
};
pub use token::{BootstrapToken, ClusterSecret};
pub use validity::{DAY_SECONDS, Due, Validity};
