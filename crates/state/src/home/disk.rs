//! The calls by which a move changes files. A test puts its own in their place and ends a move at each.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::{DirBuilderExt, symlink},
    path::Path,
};

/// What a move does to files.
pub(super) trait Disk {
    /// Renames a file or folder in one step.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Copies a file with its permissions; the copy is on the disk afterwards.
    fn copy(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::copy(from, to)?;
        File::open(to)?.sync_all()
    }

    /// Makes a symbolic link at `at`.
    fn link(&self, target: &Path, at: &Path) -> io::Result<()> {
        symlink(target, at)
    }

    /// Makes one folder, private.
    fn make(&self, folder: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(folder)
    }

    /// Deletes a file, a link, or a folder with all that is in it.
    fn delete(&self, path: &Path) -> io::Result<()> {
        if fs::symlink_metadata(path)?.is_dir() {
            fs::remove_dir_all(path)
        } else {
            fs::remove_file(path)
        }
    }

    /// Syncs a folder, so that names in it survive a power cut.
    fn sync(&self, folder: &Path) -> io::Result<()> {
        let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
        File::open(folder)?.sync_all()
    }
}

/// The disk of this machine.
pub(super) struct RealDisk;

impl Disk for RealDisk {}
