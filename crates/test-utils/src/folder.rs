//! Folder: a temporary folder that a test fills with files.

use std::{fs, path::PathBuf};

use tempfile::TempDir;

/// A temporary folder; it is deleted when this is dropped.
#[derive(Debug)]
pub struct Folder(TempDir);

impl Default for Folder {
    fn default() -> Self {
        Self::new()
    }
}

impl Folder {
    /// Makes an empty folder.
    ///
    /// # Panics
    /// Panics if there is no place for it.
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    /// Writes a file, and the folders that it lies in.
    ///
    /// # Panics
    /// Panics if it cannot be written.
    pub fn file(&self, path: &str, text: &str) -> &Self {
        let path = self.path(path);
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).expect("a folder");
        }
        fs::write(path, text).expect("a file");
        self
    }

    /// Deletes a file.
    ///
    /// # Panics
    /// Panics if there is none.
    pub fn remove(&self, path: &str) {
        fs::remove_file(self.path(path)).expect("a file to delete");
    }

    /// Returns the path of what is called that in the folder.
    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }
}
