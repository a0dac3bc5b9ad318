//! The manifest files of a folder, in a stable order.

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::OnceLock,
};

use crate::apps::AppsError;

/// All `.yaml`, `.yml` and `.json` files below `root` (or `root` itself when it is a file), sorted
/// by path. Hidden files and folders are left out.
///
/// # Errors
/// [`AppsError::File`] when a folder cannot be read.
pub(super) fn manifests(root: &Path) -> Result<Vec<PathBuf>, AppsError> {
    let failed = |source: io::Error| AppsError::File { path: root.to_owned(), source };
    if fs::metadata(root).map_err(failed)?.is_file() {
        return Ok(vec![root.to_owned()]);
    }
    let mut found = Vec::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        let failed = |source: io::Error| AppsError::File { path: folder.clone(), source };
        for entry in fs::read_dir(&folder).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if is_hidden(&path) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if is_manifest(&path) {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Standard input: read once, however many ask for it.
static INPUT: OnceLock<Vec<u8>> = OnceLock::new();

/// The bytes of a file; `-` is standard input.
///
/// # Errors
/// Those of reading.
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

/// The text of a file (`-`: of standard input), without byte order mark and with Unix line ends.
///
/// # Errors
/// [`AppsError::File`], also when it is not UTF-8.
pub(super) fn text(path: &Path) -> Result<String, AppsError> {
    let failed = |source| AppsError::File { path: path.to_owned(), source };
    let text = String::from_utf8(bytes(path).map_err(failed)?)
        .map_err(|error| failed(io::Error::new(io::ErrorKind::InvalidData, error.utf8_error())))?;
    Ok(normalised(&text))
}

/// Without byte order mark and with Unix line ends.
pub(super) fn normalised(text: &str) -> String {
    text.trim_start_matches('\u{feff}').replace("\r\n", "\n")
}

fn is_hidden(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'))
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "json")
}
