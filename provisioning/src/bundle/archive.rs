//! Deterministic archives: the same files give the same bytes.

use std::io::Write;

use flate2::{Compression, GzBuilder};

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveFile {
    /// Relative path.
    pub path: String,
    /// Permission bits.
    pub mode: u32,
    /// Contents.
    pub contents: Vec<u8>,
}

impl ArchiveFile {
    /// Makes a file.
    pub fn new(path: impl Into<String>, mode: u32, contents: impl Into<Vec<u8>>) -> ArchiveFile {
        ArchiveFile { path: path.into(), mode, contents: contents.into() }
    }
}

/// Makes a tar of the files, sorted by path; their owner is root, their times are zero.
///
/// # Errors
/// Returns an error if a path cannot stand in a tar (absolute, with `..`).
pub fn tar(files: &[ArchiveFile]) -> std::io::Result<Vec<u8>> {
    let mut sorted: Vec<&ArchiveFile> = files.iter().collect();
    sorted.sort_by(|a, b| a.path.cmp(&b.path));
    let mut builder = tar::Builder::new(Vec::new());
    for file in sorted {
        let mut header = tar::Header::new_gnu();
        header.set_size(u64::try_from(file.contents.len()).map_err(std::io::Error::other)?);
        header.set_mode(file.mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::Regular);
        builder.append_data(&mut header, &file.path, file.contents.as_slice())?;
    }
    builder.into_inner()
}

/// Packs a [`tar()`] with gzip, without name or time.
///
/// # Errors
/// Returns an error if [`tar()`] does.
pub fn tar_gz(files: &[ArchiveFile]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzBuilder::new().mtime(0).write(Vec::new(), Compression::default());
    encoder.write_all(&tar(files)?)?;
    encoder.finish()
}
