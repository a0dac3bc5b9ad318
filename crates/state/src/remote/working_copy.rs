//! The working copy: the certificates and the kubeconfig are files, for kubectl and for the parts
//! that make them; with the state in a bucket those files are a copy.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{
    error::{StateError, StateErrorKind},
    layout::ClusterLayout,
};

const FILE: &str = "working-copy.json";
const VERSION: u32 = 1;

/// What this machine has of a state in a bucket: `.infra/<cluster>/working-copy.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marker {
    version: u32,
    /// Where the state is.
    pub url: String,
    /// The serial of the state that the files are of. A state that was read before is older than they are.
    #[serde(default)]
    pub serial: u64,
    /// By name, as the state has it.
    pub files: BTreeMap<String, Copied>,
    /// The state was moved here: what is still there waits to be deleted, and counts no more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub left: bool,
}

/// A file that is the same here and there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Copied {
    /// SHA-256 of the object.
    pub object: String,
    /// SHA-256 of the file.
    pub file: String,
}

/// Returns the SHA-256 in hex.
pub(super) fn sum(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Marker {
    /// Makes an empty marker.
    pub(super) fn new(url: &str) -> Self {
        Self { version: VERSION, url: url.to_owned(), ..Self::default() }
    }

    /// Makes a marker that says that the state was moved here.
    pub(super) fn of_left(url: &str) -> Self {
        Self { left: true, ..Self::new(url) }
    }

    /// Reads the marker of a folder. Returns `None` if the folder's files are no copy.
    ///
    /// # Errors
    /// Returns an error if it cannot be read, is damaged or is from a newer version.
    pub fn read(layout: &ClusterLayout) -> Result<Option<Self>, StateError> {
        let path = layout.state.join(FILE);
        let bad = |why: String| {
            StateError::new(StateErrorKind::Damaged, format!("{}: {why}", path.display()))
        };
        let bytes = match std::fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(bad(error.to_string())),
        };
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
        if value["version"].as_u64().is_some_and(|found| found > u64::from(VERSION)) {
            return Err(bad("a newer version of infra wrote it".into()));
        }
        serde_json::from_value(value).map(Some).map_err(|error| bad(error.to_string()))
    }

    pub(super) fn write(&self, layout: &ClusterLayout) -> Result<(), StateError> {
        let bytes = serde_json::to_vec_pretty(self).map_err(StateError::local)?;
        write(&layout.state.join(FILE), &bytes, infra_ssl::files::SECRET_MODE)
    }

    pub(super) fn remove(layout: &ClusterLayout) -> Result<(), StateError> {
        remove(&layout.state.join(FILE))
    }
}

/// Refuses to work on this machine's state where the files here are a copy of one in a bucket.
///
/// # Errors
/// Returns an error if they are.
pub fn refuse_working_copy(layout: &ClusterLayout) -> Result<(), StateError> {
    let Some(marker) = Marker::read(layout)?.filter(|marker| !marker.left) else { return Ok(()) };
    let url = marker.url;
    Err(StateError::new(
        StateErrorKind::Damaged,
        format!("the state of this cluster is in {url}, and infra.toml has no [state] backend"),
    )
    .hint(format!("put it back into infra.toml, or move the state here: {}", come_back(&url))))
}

/// Refuses to open what was moved from `url` to this machine, and is being deleted there.
///
/// # Errors
/// Returns an error if it is.
pub(super) fn refuse_left(layout: &ClusterLayout, url: &str) -> Result<(), StateError> {
    if !Marker::read(layout)?.is_some_and(|marker| marker.left && marker.url == url) {
        return Ok(());
    }
    Err(StateError::new(
        StateErrorKind::Damaged,
        format!("the state was moved from {url} to this machine, and was not all deleted there"),
    )
    .hint(format!("take [state] out of infra.toml and let it finish: {}", come_back(url))))
}

/// Returns the command that moves the state at `url` to this machine.
pub(super) fn come_back(url: &str) -> String {
    let backend = url.rsplit_once('/').map_or(url, |(parent, _)| parent);
    format!("infra state migrate --from {backend}")
}

/// Returns the place of a state's file on this machine. Returns `None` for a name that this
/// version does not know.
pub(super) fn path(layout: &ClusterLayout, name: &str) -> Option<PathBuf> {
    let file = match name.split_once('/') {
        None if name == ROTATIONS => return Some(layout.rotations()),
        Some(("pki", file)) => file,
        _ => return None,
    };
    let plain = !file.is_empty() && !file.starts_with('.') && !file.contains(['/', '\\']);
    plain.then(|| layout.pki.join(file))
}

/// Returns the name that a file on this machine has in the state, if it is kept there.
pub(super) fn name(layout: &ClusterLayout, path: &Path) -> Option<String> {
    if path == layout.rotations() {
        return Some(ROTATIONS.to_owned());
    }
    let file = path.strip_prefix(&layout.pki).ok()?.to_str()?;
    let name = format!("pki/{file}");
    self::path(layout, &name).is_some().then_some(name)
}

/// The name of the record of finished rotations, in the state and in `.infra/<cluster>`.
pub(crate) const ROTATIONS: &str = "rotations.json";

/// Returns true if only those who are named may read it. A file that is not known to be public is
/// secret.
pub(super) fn is_secret(name: &str) -> bool {
    !(name == ROTATIONS || name.ends_with(".crt") || name.ends_with(".pub"))
}

/// Reports whether a file is of this machine only: a kubeconfig that names a program to run. That is a path of
/// this machine, it holds no secret, and one that came from a bucket could name any program.
fn is_of_this_machine(name: &str, path: &Path) -> bool {
    name == "pki/kubeconfig"
        && std::fs::read_to_string(path).is_ok_and(|text| {
            infra_ssl::Kubeconfig::own(&text, None).is_err()
                && infra_ssl::Kubeconfig::own_without_exec(&text, None).is_ok()
        })
}

/// Lists the names of the files on this machine that are kept in the bucket.
pub(super) fn names(layout: &ClusterLayout) -> Result<Vec<String>, StateError> {
    let mut names = Vec::new();
    if layout.rotations().exists() {
        names.push(ROTATIONS.to_owned());
    }
    let unreadable = |error: std::io::Error| {
        StateError::new(StateErrorKind::Damaged, format!("{}: {error}", layout.pki.display()))
    };
    let entries = match std::fs::read_dir(&layout.pki) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(names),
        entries => entries.map_err(unreadable)?,
    };
    for entry in entries {
        let entry = entry.map_err(unreadable)?;
        let name = format!("pki/{}", entry.file_name().to_string_lossy());
        let path = entry.path();
        if path.is_file()
            && self::path(layout, &name).is_some()
            && !is_of_this_machine(&name, &path)
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

pub(super) fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StateError::new(
            StateErrorKind::Damaged,
            format!("can't read {}: {error}", path.display()),
        )),
    }
}

pub(super) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), StateError> {
    let failed = |why: String| {
        StateError::new(StateErrorKind::Damaged, format!("can't write {}: {why}", path.display()))
    };
    if let Some(folder) = path.parent() {
        crate::store::make_folder(folder).map_err(|error| failed(error.to_string()))?;
    }
    infra_ssl::files::write_atomic(path, bytes, mode).map_err(|error| failed(error.to_string()))
}

pub(super) fn remove(path: &Path) -> Result<(), StateError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(StateError::new(
            StateErrorKind::Damaged,
            format!("can't remove {}: {error}", path.display()),
        )),
        _ => Ok(()),
    }
}

pub(super) fn mode(path: &Path) -> u32 {
    match infra_ssl::files::mode_of(path) {
        Ok(Some(mode)) => mode,
        _ => infra_ssl::files::SECRET_MODE,
    }
}
