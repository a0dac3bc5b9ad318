//! What a control plane node gets of the PKI.

use std::path::Path;

use secrecy::SecretString;

use crate::error::{Result, SslError};
use crate::files::{PUBLIC_MODE, SECRET_MODE};
use crate::pki::folder::{AuthorityOnDisk, read_authority, read_secret};
use crate::pki::{AuthorityName, PkiLayout};

/// One file below `/etc/kubernetes/pki`.
#[derive(Debug, Clone)]
pub struct PkiFile {
    /// Path below that folder: `etcd/ca.key`.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Contents.
    pub contents: SecretString,
}

/// The authorities and the service-account key, and nothing else: leaves are issued on the node
/// by kubeadm, for the node's own names.
#[derive(Debug, Clone)]
pub struct NodePki {
    /// The files, sorted by path.
    pub files: Vec<PkiFile>,
}

/// Returns where kubeadm looks for an authority below `/etc/kubernetes/pki`, without extension.
fn node_stem(name: AuthorityName) -> &'static str {
    match name {
        AuthorityName::Etcd => "etcd/ca",
        other => other.stem(),
    }
}

/// Reads the files a control plane needs.
///
/// # Errors
/// Returns an error if a file is missing or an authority's key does not match: run [`crate::ensure`]
/// first.
pub fn node_pki(dir: &Path) -> Result<NodePki> {
    let layout = PkiLayout::new(dir);
    let mut files = Vec::new();
    for name in AuthorityName::OF_NODES {
        let AuthorityOnDisk::Present(authority) = read_authority(&layout, name)? else {
            return Err(SslError::malformed(&layout.cert(name.stem()), "it has not been made yet"));
        };
        files.push(PkiFile {
            path: format!("{}.crt", node_stem(name)),
            mode: PUBLIC_MODE,
            contents: SecretString::from(authority.cert_pem()),
        });
        files.push(PkiFile {
            path: format!("{}.key", node_stem(name)),
            mode: SECRET_MODE,
            contents: authority.key().pem().clone(),
        });
    }
    for (path, mode) in [(layout.sa_key(), SECRET_MODE), (layout.sa_pub(), PUBLIC_MODE)] {
        let contents = read_secret(&path)?
            .ok_or_else(|| SslError::malformed(&path, "it has not been made yet"))?;
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
        files.push(PkiFile { path: name, mode, contents });
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(NodePki { files })
}
