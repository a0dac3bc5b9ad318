//! Refuses what a bucket may not put into the working copy, whoever wrote it there.

use super::working_copy;
use crate::{
    KeptFile,
    error::{StateError, StateErrorKind},
};

const KUBECONFIG: &str = "pki/kubeconfig";
const CA: &str = "pki/ca.crt";

/// Names that everything else of a cluster hangs on. Exchanging one cuts off all nodes, or hands the
/// cluster to whoever has the other one.
const AUTHORITIES: [&str; 10] = [
    CA,
    "pki/ca.key",
    "pki/etcd-ca.crt",
    "pki/etcd-ca.key",
    "pki/front-proxy-ca.crt",
    "pki/front-proxy-ca.key",
    "pki/site-ca.crt",
    "pki/site-ca.key",
    "pki/sa.pub",
    "pki/sa.key",
];

fn refused(name: &str, place: &str, why: &str) -> StateError {
    let message = format!("{place} ({name}) {why}; it was not taken over");
    StateError::new(StateErrorKind::Damaged, message)
}

/// Refuses a secret file that the state says is kept as plain text: this program always encrypts
/// those, so somebody else wrote that.
///
/// # Errors
/// Returns an error if the file is one.
pub(super) fn check_encrypted(name: &str, place: &str, kept: &KeptFile) -> Result<(), StateError> {
    if kept.encrypted || !working_copy::is_secret(name) {
        return Ok(());
    }
    Err(refused(name, place, "is not encrypted, and this program always encrypts it").hint(
        "somebody wrote to the bucket who is not infra; find out who may, and how it got there",
    ))
}

/// Refuses to exchange an authority of the working copy for another one.
///
/// # Errors
/// Returns an error if the fetched authority is another one.
pub(super) fn check_authority(
    name: &str,
    place: &str,
    here: &[u8],
    fetched: &[u8],
) -> Result<(), StateError> {
    if here == fetched || !AUTHORITIES.contains(&name) {
        return Ok(());
    }
    Err(refused(name, place, "is another authority than the one in the working copy").hint(
        "if the cluster was made again from another machine, move its folder below ssl/ aside and \
         run the same command again; else somebody exchanged it",
    ))
}

/// Refuses a kubeconfig that is not what this program writes, or trusts another authority than the
/// cluster's.
///
/// # Errors
/// Returns an error if it is one.
pub(super) fn check_kubeconfig(
    place: &str,
    fetched: &[u8],
    authority: Option<&[u8]>,
) -> Result<(), StateError> {
    let text = String::from_utf8_lossy(fetched);
    let own = infra_ssl::Kubeconfig::own(&text, None)
        .map_err(|why| refused(KUBECONFIG, place, &format!("can't be trusted: {why}")))?;
    if authority.is_some_and(|authority| own.ca_pem.trim() != trimmed(authority)) {
        let why = "trusts another authority than the cluster's";
        return Err(refused(KUBECONFIG, place, why));
    }
    Ok(())
}

fn trimmed(pem: &[u8]) -> String {
    String::from_utf8_lossy(pem).trim().to_owned()
}

/// Checks what was fetched as a whole, before any of it is written: each name with its place and
/// its bytes. `here` reads the working copy.
///
/// # Errors
/// Returns the errors of the checks above.
pub(super) fn check_fetched(
    fetched: &[(&str, String, &[u8])],
    here: impl Fn(&str) -> Result<Option<Vec<u8>>, StateError>,
) -> Result<(), StateError> {
    let of = |name: &str| fetched.iter().find(|(known, ..)| *known == name);
    let Some((_, place, bytes)) = of(KUBECONFIG) else { return Ok(()) };
    let authority = match of(CA) {
        Some((_, _, bytes)) => Some(bytes.to_vec()),
        None => here(CA)?,
    };
    check_kubeconfig(place, bytes, authority.as_deref())
}

/// Returns the permissions that a file gets here, whatever the state says.
pub(super) fn mode(name: &str, kept: &KeptFile) -> u32 {
    if working_copy::is_secret(name) { infra_ssl::files::SECRET_MODE } else { kept.mode & 0o644 }
}
