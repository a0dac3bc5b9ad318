//! The manifest files of a folder, in a stable order.

use std::{
    collections::{BTreeSet, VecDeque},
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use crate::{AppsError, Origin, Problem, ProblemKind};

/// What a folder holds.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// The manifests, sorted by path.
    pub(super) paths: Vec<PathBuf>,
    /// Links to folders that are read already, also those above them: they would never end.
    pub(super) loops: Vec<Link>,
    /// Links that lead out of the folder.
    pub(super) outside: Vec<Link>,
}

/// A symbolic link, and where it leads.
#[derive(Debug)]
pub(super) struct Link {
    path: PathBuf,
    target: PathBuf,
}

impl Link {
    /// Returns the problem with a link that is read already.
    pub(super) fn loops(&self) -> Problem {
        let message =
            format!("this link leads to {}, which is read already", self.target.display());
        Problem::new(ProblemKind::Unsupported, Origin::new(&self.path, 0), message)
            .hint("remove it")
    }

    /// Says that a link leads out of the folder.
    pub(super) fn leads_out(&self) -> String {
        format!("{} leads out of the folder, to {}", self.path.display(), self.target.display())
    }
}

/// Finds all `.yaml`, `.yml` and `.json` files below `root` (or `root` itself when it is a file).
/// Hidden files and folders are left out. No folder is read twice, whatever links lead to it.
///
/// # Errors
/// Returns [`AppsError::File`] if a folder cannot be read.
pub(super) fn manifests(root: &Path) -> Result<Files, AppsError> {
    let failed = |path: &Path, source: io::Error| AppsError::File { path: path.to_owned(), source };
    if fs::metadata(root).map_err(|error| failed(root, error))?.is_file() {
        return Ok(Files { paths: vec![root.to_owned()], ..Files::default() });
    }
    let top = fs::canonicalize(root).map_err(|error| failed(root, error))?;
    let mut found = Files::default();
    let mut seen = BTreeSet::from([top.clone()]);
    let (mut folders, mut links) = (vec![root.to_owned()], VecDeque::new());
    // Links come last, so that a folder is read at its own place and not behind a link.
    while let Some(folder) = folders.pop().or_else(|| links.pop_front()) {
        for entry in fs::read_dir(&folder).map_err(|error| failed(&folder, error))? {
            let path = entry.map_err(|error| failed(&folder, error))?.path();
            if is_hidden(&path) {
                continue;
            }
            let is_folder = path.is_dir();
            if path.is_symlink() && (is_folder || is_manifest(&path)) {
                let target = fs::canonicalize(&path).map_err(|error| failed(&path, error))?;
                if !target.starts_with(&top) {
                    found.outside.push(Link { path: path.clone(), target });
                }
            }
            match (is_folder, path.is_symlink()) {
                (true, true) => links.push_back(path),
                (true, false) => folders.push(path),
                (false, _) if is_manifest(&path) => found.paths.push(path),
                (false, _) => {}
            }
        }
        while let Some(path) = folders.last().or_else(|| links.front()) {
            let target = fs::canonicalize(path).map_err(|error| failed(path, error))?;
            if seen.insert(target.clone()) {
                break;
            }
            let path = folders.pop().or_else(|| links.pop_front()).unwrap_or_default();
            found.loops.push(Link { path, target });
        }
    }
    found.paths.sort();
    found.loops.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Standard input: read once, however many ask for it.
static INPUT: OnceLock<Vec<u8>> = OnceLock::new();

/// Reads the bytes of a file; `-` is standard input.
///
/// # Errors
/// Returns the error of reading.
pub(super) fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    if path.as_os_str() != "-" {
        return fs::read(path);
    }
    if let Some(read) = INPUT.get() {
        return Ok(read.clone());
    }
    let mut read = Vec::new();
    io::stdin().read_to_end(&mut read)?;
    Ok(INPUT.get_or_init(|| read).clone())
}

/// Reads the text of a file (`-`: of standard input), without byte order mark and with Unix line
/// ends.
///
/// # Errors
/// Returns [`AppsError::File`] if it cannot be read or is not UTF-8.
pub(super) fn text(path: &Path) -> Result<String, AppsError> {
    let failed = |source| AppsError::File { path: path.to_owned(), source };
    let text = String::from_utf8(bytes(path).map_err(failed)?)
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error.utf8_error())))?;
    Ok(normalised(&text))
}

/// Removes the byte order mark, and changes line ends to Unix ones.
pub(super) fn normalised(text: &str) -> String {
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n")
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json")
}
