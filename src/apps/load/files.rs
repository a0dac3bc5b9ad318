//! The manifest files of a folder, in a stable order.

use std::{
    fs, io,
    path::{Path, PathBuf},
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

/// The text of a file, without byte order mark and with Unix line ends.
///
/// # Errors
/// [`AppsError::File`], also when it is not UTF-8.
pub(super) fn text(path: &Path) -> Result<String, AppsError> {
    let text = fs::read_to_string(path)
        .map_err(|source| AppsError::File { path: path.to_owned(), source })?;
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
