//! The PKI of one cluster in one folder.

mod assess;
mod change;
mod ensure;
mod folder;
mod layout;
mod node;
mod remove;
mod site;
mod spec;
mod status;
mod temporary;

pub use change::{Action, Change};
pub use ensure::{ensure, plan};
pub use layout::{AuthorityName, PENDING, PkiLayout};
pub use node::{NodePki, PkiFile, node_pki};
pub use remove::{remove, unfinished};
pub use site::{has_site_authority, site_authority, site_leaf_fault};
pub use spec::{EncryptionStart, ExtraLeaf, PkiSpec};
pub use status::{CertificateStatus, Verdict, clock_warning, status};
pub use temporary::TemporaryAdmin;
