//! Certificate authorities, leaf certificates, kubeconfigs, expiry, rotation.
//!
//! Everything that decides is a pure function of PEM texts and a point in time; only
//! [`ensure`], [`plan`], [`status`], [`remove`] and the kubeconfig file functions touch the disk, through
//! [`files`], which writes atomically and keeps keys at mode 0600.
//!
//! Keys are ECDSA P-256 throughout: kubeadm, etcd and every client of the API server take them,
//! which is not so for Ed25519.

mod authority;
mod brought;
mod encryption;
mod error;
pub mod files;
mod hash;
mod inspect;
mod key;
mod kubeconfig;
mod leaf;
mod names;
mod pki;
mod request;
mod token;
mod validity;
pub mod yaml;

pub use authority::Authority;
pub use brought::{Brought, BroughtError, chain_digest};
pub use encryption::{ENCRYPTION_KEYS, EncryptionKeys, EncryptionStage, PLAIN};
pub use error::{Result, SslError};
pub use hash::ca_cert_hash;
pub use inspect::{CertificateFacts, certificate_facts};
pub use key::PrivateKey;
pub use kubeconfig::{
    Credentials, ExecCredential, Kubeconfig, MergeOptions, MergeReport, default_kubeconfig_path,
    merge_file, merge_text,
};
pub use leaf::{ADMIN_GROUP, Issued, LeafRequest, Profile};
pub use names::Names;
pub use pki::{
    Action, AuthorityName, CertificateStatus, Change, EncryptionStart, ExtraLeaf, NodePki, PENDING,
    PkiFile, PkiLayout, PkiSpec, TemporaryAdmin, Verdict, clock_warning, ensure,
    has_site_authority, node_pki, plan, remove, site_authority, site_leaf_fault, status,
    unfinished,
};
pub use request::{RequestFacts, request_facts};
pub use token::{BootstrapToken, ClusterSecret};
pub use validity::{DAY_SECONDS, Due, Validity};
