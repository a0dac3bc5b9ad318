//! The PKI of one cluster in one folder.

mod assess;
mod change;
mod ensure;
mod folder;
mod layout;
mod node;
mod remove;
mod spec;
mod status;

pub use change::{Action, Change};
pub use ensure::{ensure, plan};
pub use layout::{AuthorityName, PkiLayout};
pub use node::{NodePki, PkiFile, node_pki};
pub use remove::{remove, unfinished};
pub use spec::{ExtraLeaf, PkiSpec};
pub use status::{CertificateStatus, Verdict, clock_warning, status};
