//! The files of a node, without any I/O.

use std::collections::BTreeMap;

use secrecy::{ExposeSecret, SecretString};

use crate::artifacts::{Locked, key_of};
use crate::boot::{BOOT_SCRIPT, host_files};
use crate::bundle::NodeFile;
use crate::kubeadm::{Role, render, render_masked};
use crate::node::{NodeKit, NodeKitError};
use crate::userdata::BootEnv;

/// URLs by object key, where there are presigned ones; else the key behind a scheme.
pub(crate) struct Urls<'a> {
    pub signed: &'a BTreeMap<String, SecretString>,
    pub scheme: &'static str,
}

impl Urls<'_> {
    pub fn get(&self, key: &str) -> SecretString {
        let unsigned = || SecretString::from(format!("{}{key}", self.scheme));
        self.signed.get(key).cloned().unwrap_or_else(unsigned)
    }
}

/// Makes the files of `bundle.tar.gz`, sorted by path.
pub(crate) fn bundle_files(kit: &NodeKit, urls: &Urls<'_>) -> Result<Vec<NodeFile>, NodeKitError> {
    kit.check()?;
    let mut files = host_files(&kit.lock.pause);
    files.push(NodeFile::public("boot.sh", 0o755, BOOT_SCRIPT));
    let masked = render_masked(&kit.boot)?;
    files.push(NodeFile::secret("kubeadm.yaml", 0o600, render(&kit.boot)?, masked));
    files.push(NodeFile::public("node.env", 0o600, node_env(kit)));
    files.push(artifact_table(kit, urls));
    if kit.boot.role == Role::ControlPlane {
        for (name, text) in kit.boot.settings.files(&kit.boot.kubernetes_version) {
            files.push(NodeFile::public(&format!("settings/{name}"), 0o600, text));
        }
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(files)
}

/// Makes the files of `pki.tar.gz`, sorted by path.
pub(crate) fn pki_files(kit: &NodeKit) -> Vec<NodeFile> {
    let file = |f: &crate::node::PkiFile| {
        // What is not known to be public is not.
        let is_public = f.path.ends_with(".crt") || f.path.ends_with(".pub");
        let masked = match f.path.ends_with(".key") {
            _ if is_public => f.contents.expose_secret().to_string(),
            true => "(private key, masked)\n".to_string(),
            false => "(keys, masked)\n".to_string(),
        };
        NodeFile::secret(&f.path, f.mode, f.contents.clone(), masked)
    };
    let mut files: Vec<NodeFile> = kit.pki.iter().map(file).collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn node_env(kit: &NodeKit) -> String {
    let role = kit.boot.role.as_str();
    format!(
        "NODE={}\nROLE={role}\nKUBEADM_VERB={}\nTURN_TIMEOUT={}\n",
        kit.boot.node,
        kit.verb(),
        kit.turn_timeout.as_secs()
    )
}

/// Lists the artifacts the node needs, in the lock's order.
pub(crate) fn needed(kit: &NodeKit) -> Vec<&Locked> {
    kit.lock.for_role(kit.boot.role == Role::ControlPlane)
}

/// Makes `artifacts.tsv`: lines of `sha256 label kind target url`, tab-separated.
fn artifact_table(kit: &NodeKit, urls: &Urls<'_>) -> NodeFile {
    let (mut text, mut masked) = (String::new(), String::new());
    for locked in needed(kit) {
        let url = urls.get(&key_of(locked));
        // A tab must not be followed by another: `read` takes them for one.
        let target = if locked.install.is_empty() { "-" } else { &locked.install };
        let start =
            format!("{}\t{}\t{}\t{target}\t", locked.sha256, locked.label(), locked.kind.as_str());
        text.push_str(&format!("{start}{}\n", url.expose_secret()));
        let shown = crate::userdata::mask_url(url.expose_secret());
        masked.push_str(&format!("{start}{shown}\n"));
    }
    NodeFile::secret("artifacts.tsv", 0o600, SecretString::from(text), masked)
}

/// Makes the boot environment.
pub(crate) fn boot_env(
    kit: &NodeKit,
    keys: &crate::node::publish::NodeKeys,
    bundle_sha256: &str,
    pki_sha256: &str,
    get: &Urls<'_>,
    put: &SecretString,
    delete: &SecretString,
) -> BootEnv {
    let control_plane = kit.boot.role == Role::ControlPlane;
    BootEnv {
        node: kit.boot.node.clone(),
        store: None,
        bundle_url: get.get(&keys.bundle),
        bundle_sha256: bundle_sha256.into(),
        status_put_url: put.clone(),
        pki: control_plane.then(|| (get.get(&keys.pki), delete.clone(), pki_sha256.to_string())),
        turn_url: (control_plane && !kit.boot.is_init()).then(|| get.get(&keys.turn)),
    }
}
