//! Whether one folder has all that another has.

use std::{
    ffi::OsString,
    fs,
    io::{self, Read},
    path::Path,
};

use super::error::{MoveError, failed};

/// Returns true if `other` has everything of `one` but `skip`: each file the same, or, if it is called
/// `grows`, with more at its end.
pub(super) fn has_all(
    other: &Path,
    one: &Path,
    skip: Option<&str>,
    grows: Option<&str>,
) -> Result<bool, MoveError> {
    for entry in entries(one)? {
        let (path, there) = (one.join(&entry), other.join(&entry));
        if skip.is_some_and(|skip| entry == skip) {
            continue;
        }
        let kind = fs::symlink_metadata(&path).map_err(failed("read", &path))?.file_type();
        let same = if kind.is_symlink() {
            fs::read_link(&path).ok() == fs::read_link(&there).ok()
        } else if kind.is_dir() {
            there.is_dir() && has_all(&there, &path, None, None)?
        } else if kind.is_file() {
            is_there(&there)
                && is_file(&there)?
                && match common(&path, &there)? {
                    Common::Same => true,
                    Common::Begins => grows.is_some_and(|name| entry == name),
                    Common::Differs => false,
                }
        } else {
            true
        };
        if !same {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Returns true if there is anything at `path`, also a link that leads nowhere.
pub(super) fn is_there(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok()
}

/// Returns the names in a folder, sorted.
pub(super) fn entries(folder: &Path) -> Result<Vec<OsString>, MoveError> {
    let listed = fs::read_dir(folder).map_err(failed("read", folder))?;
    let names = listed.map(|entry| Ok(entry.map_err(failed("read", folder))?.file_name()));
    let mut names = names.collect::<Result<Vec<_>, MoveError>>()?;
    names.sort();
    Ok(names)
}

/// Returns true if there is a file at `path`; a link to one is none.
pub(super) fn is_file(path: &Path) -> Result<bool, MoveError> {
    Ok(fs::symlink_metadata(path).map_err(failed("read", path))?.is_file())
}

/// How a file begins another one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Common {
    Same,
    /// The first file is the beginning of the other one.
    Begins,
    Differs,
}

/// Compares two files.
pub(super) fn common(one: &Path, other: &Path) -> Result<Common, MoveError> {
    let open = |path: &Path| fs::File::open(path).map_err(failed("read", path));
    let length = |file: &fs::File| file.metadata().map(|about| about.len());
    let (mut first, second) = (open(one)?, open(other)?);
    let begins = length(&first).map_err(failed("read", one))?;
    let whole = length(&second).map_err(failed("read", other))?;
    if begins > whole
        || !is_equal(&mut first, &mut second.take(begins)).map_err(failed("read", one))?
    {
        return Ok(Common::Differs);
    }
    Ok(if begins == whole { Common::Same } else { Common::Begins })
}

/// Compares two readers, which are of equal length, a piece at a time.
fn is_equal(one: &mut impl Read, other: &mut impl Read) -> io::Result<bool> {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    loop {
        first.clear();
        second.clear();
        one.by_ref().take(1 << 16).read_to_end(&mut first)?;
        other.by_ref().take(1 << 16).read_to_end(&mut second)?;
        if first != second {
            return Ok(false);
        }
        if first.is_empty() {
            return Ok(true);
        }
    }
}
