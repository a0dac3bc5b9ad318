//! The authority for sites, and the certificates that it issues. Those lie in the cluster, not in
//! the folder.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use secrecy::SecretString;

use crate::authority::Authority;
use crate::error::Result;
use crate::leaf::LeafRequest;
use crate::names::Names;
use crate::pki::assess::leaf_action;
use crate::pki::folder::{AuthorityOnDisk, Pair, read_authority};
use crate::pki::spec::ExtraLeaf;
use crate::pki::{AuthorityName, PkiLayout};
use crate::validity::Validity;

/// Reports whether the folder has an authority for sites, or the beginning of one. It then belongs to
/// what [`crate::ensure`] looks after, whoever asks: an authority is never dropped on the way.
pub fn has_site_authority(dir: &Path) -> bool {
    let (layout, stem) = (PkiLayout::new(dir), AuthorityName::Site.stem());
    [layout.cert(stem), layout.key(stem), layout.pending_key(stem)].iter().any(|path| path.exists())
}

/// Reads the authority for sites; `None` when there is none.
///
/// # Errors
/// Returns an error if its files cannot be read or do not belong together.
pub fn site_authority(dir: &Path) -> Result<Option<Authority>> {
    match read_authority(&PkiLayout::new(dir), AuthorityName::Site)? {
        AuthorityOnDisk::Present(authority) | AuthorityOnDisk::Unfinished(authority) => {
            Ok(Some(authority))
        }
        AuthorityOnDisk::Absent => Ok(None),
    }
}

/// Returns why a site's certificate must be issued again, if it must: the rules are those of the
/// leaves in the folder.
pub fn site_leaf_fault(
    authority: &Authority,
    names: &Names,
    cert_pem: Option<String>,
    key_pem: Option<SecretString>,
    validity: &Validity,
    now: Timestamp,
) -> Option<String> {
    let request = LeafRequest::site(names.clone());
    let stem = "site".to_owned();
    let leaf = ExtraLeaf { stem, authority: AuthorityName::Site, request };
    let (cert_path, key_path) = (PathBuf::from("tls.crt"), PathBuf::from("tls.key"));
    let pair = Pair { cert_path, key_path, cert: cert_pem, key: key_pem };
    leaf_action(&leaf, &pair, authority.facts(), validity, now).map(|(_, reason)| reason)
}
