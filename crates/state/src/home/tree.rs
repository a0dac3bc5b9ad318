//! Moving and comparing folders. A move that is ended anywhere leaves one of the two places whole, and
//! the next one finishes it.

use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    compare::{Common, common, entries, is_file, is_there},
    disk::Disk,
    error::{MoveError, failed},
};

/// What a copy is called until it is whole.
const UNFINISHED: &str = ".moving";
/// What an original is called once its copy counts.
const MOVED: &str = ".moved";

/// Returns true if a move gave the folder or file this name for a while.
pub(super) fn is_ours(name: &str) -> bool {
    name.ends_with(UNFINISHED) || name.ends_with(MOVED)
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.file_name().map(OsString::from).unwrap_or_default();
    name.push(suffix);
    path.with_file_name(name)
}

fn sync_parent(disk: &dyn Disk, path: &Path) -> Result<(), MoveError> {
    let parent = path.parent().unwrap_or(Path::new(""));
    disk.sync(parent).map_err(failed("write", parent))
}

fn rename(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), MoveError> {
    disk.rename(from, to).map_err(failed("move", from))?;
    sync_parent(disk, to)
}

/// Deletes what is at `path`, if anything is.
pub(super) fn delete(disk: &dyn Disk, path: &Path) -> Result<(), MoveError> {
    if is_there(path) { disk.delete(path).map_err(failed("delete", path)) } else { Ok(()) }
}

/// Makes `folder` and those above it, each on the disk before the next.
fn make_folder(disk: &dyn Disk, folder: &Path) -> Result<(), MoveError> {
    if folder.as_os_str().is_empty() || folder.exists() {
        return Ok(());
    }
    make_folder(disk, folder.parent().unwrap_or(Path::new("")))?;
    disk.make(folder).map_err(failed("create", folder))?;
    sync_parent(disk, folder)
}

/// Moves a folder in one step. To another disk it copies it, puts the copy in place in one step, and
/// only then deletes the original, of which `skip` is not copied.
pub(super) fn carry(
    disk: &dyn Disk,
    from: &Path,
    to: &Path,
    skip: Option<&str>,
) -> Result<(), MoveError> {
    if let Some(parent) = to.parent() {
        make_folder(disk, parent)?;
    }
    match disk.rename(from, to) {
        Ok(()) => {
            sync_parent(disk, to)?;
            return sync_parent(disk, from);
        }
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {}
        Err(error) => return Err(failed("move", from)(error)),
    }
    let aside = beside(to, UNFINISHED);
    delete(disk, &aside)?;
    copy(disk, from, &aside, skip)?;
    rename(disk, &aside, to)?;
    discard(disk, from)
}

/// Deletes a folder whose copy counts. It is no state any more from the first step on.
pub(super) fn discard(disk: &dyn Disk, folder: &Path) -> Result<(), MoveError> {
    discard_rest(disk, folder)?;
    let gone = beside(folder, MOVED);
    rename(disk, folder, &gone)?;
    delete(disk, &gone)
}

/// Deletes what an interrupted [`discard`] of `folder` has left.
pub(super) fn discard_rest(disk: &dyn Disk, folder: &Path) -> Result<(), MoveError> {
    delete(disk, &beside(folder, MOVED))
}

/// Returns where [`discard`] puts `folder` first.
pub(super) fn rest_of(folder: &Path) -> PathBuf {
    beside(folder, MOVED)
}

/// Copies a folder with its permissions. What is there already must be the same, or the beginning of a
/// file, which an interrupted copy has left.
pub(super) fn copy(
    disk: &dyn Disk,
    from: &Path,
    to: &Path,
    skip: Option<&str>,
) -> Result<(), MoveError> {
    let about = fs::symlink_metadata(from).map_err(failed("read", from))?;
    if about.is_symlink() {
        return copy_link(disk, from, to);
    }
    make_folder(disk, to)?;
    fs::set_permissions(to, about.permissions()).map_err(failed("create", to))?;
    for entry in entries(from)? {
        let (path, copied) = (from.join(&entry), to.join(&entry));
        if skip.is_some_and(|skip| entry == skip) {
            continue;
        }
        let kind = fs::symlink_metadata(&path).map_err(failed("read", &path))?.file_type();
        if kind.is_symlink() {
            copy_link(disk, &path, &copied)?;
        } else if kind.is_dir() {
            copy(disk, &path, &copied, None)?;
        } else if kind.is_file() {
            copy_file(disk, &path, &copied)?;
        }
        // Sockets and pipes hold nothing.
    }
    disk.sync(to).map_err(failed("write", to))
}

fn copy_file(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), MoveError> {
    let occupied = || MoveError::Occupied { from: from.to_owned(), to: to.to_owned() };
    if is_there(to) {
        match (is_file(to)?, common(to, from)?) {
            (true, Common::Same) => return Ok(()),
            (true, Common::Begins) => {}
            _ => return Err(occupied()),
        }
    }
    let aside = beside(to, UNFINISHED);
    delete(disk, &aside)?;
    disk.copy(from, &aside).map_err(failed("copy", from))?;
    if common(&aside, from)? != Common::Same {
        return Err(failed("copy", from)(io::Error::other("it changed meanwhile")));
    }
    rename(disk, &aside, to)
}

fn copy_link(disk: &dyn Disk, from: &Path, to: &Path) -> Result<(), MoveError> {
    let target = fs::read_link(from).map_err(failed("read", from))?;
    if !is_there(to) {
        disk.link(&target, to).map_err(failed("create", to))?;
        return sync_parent(disk, to);
    }
    match fs::read_link(to) {
        Ok(there) if there == target => Ok(()),
        _ => Err(MoveError::Occupied { from: from.to_owned(), to: to.to_owned() }),
    }
}
