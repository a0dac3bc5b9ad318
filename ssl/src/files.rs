//! Files of a PKI: atomic writes, modes.

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use crate::error::{Result, SslError};

/// Mode of private keys and kubeconfigs.
pub const SECRET_MODE: u32 = 0o600;
/// Mode of certificates and public keys.
pub const PUBLIC_MODE: u32 = 0o644;
/// Mode of the folder that holds keys.
pub const FOLDER_MODE: u32 = 0o700;

/// Makes `folder` (and its parents) with mode 0700; an existing folder keeps its mode.
pub fn ensure_folder(folder: &Path) -> Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(FOLDER_MODE)
        .create(folder)
        .map_err(SslError::io("create folder", folder))
}

/// Replaces `path` with `contents` or leaves it as it was: temporary file in the same folder,
/// mode, fsync, rename, fsync of the folder. The file never exists with a wider mode.
pub fn write_atomic(path: &Path, contents: &[u8], mode: u32) -> Result<()> {
    let folder = match path.parent() {
        Some(p) if !p.as_os_str().is_empty() => p,
        _ => Path::new("."),
    };
    let mut temp = tempfile::Builder::new()
        .prefix(".tmp-")
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)
        .map_err(SslError::io("write", path))?;
    temp.write_all(contents).map_err(SslError::io("write", path))?;
    // The umask may have narrowed the mode asked for.
    temp.as_file()
        .set_permissions(Permissions::from_mode(mode))
        .map_err(SslError::io("set the mode of", path))?;
    temp.as_file().sync_all().map_err(SslError::io("flush", path))?;
    temp.persist(path).map_err(|e| SslError::Io {
        action: "write",
        path: path.to_path_buf(),
        source: e.error,
    })?;
    File::open(folder).and_then(|d| d.sync_all()).map_err(SslError::io("flush folder", folder))
}

/// Reads a file as text; returns `None` if there is no file.
pub fn read_optional(path: &Path) -> Result<Option<String>> {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| SslError::malformed(path, "it is not text")),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(SslError::io("read", path)(e)),
    }
}

/// Returns the permission bits of an existing file or folder, `None` if there is none.
pub fn mode_of(path: &Path) -> Result<Option<u32>> {
    match fs::metadata(path) {
        Ok(m) => Ok(Some(m.permissions().mode() & 0o777)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(SslError::io("read", path)(e)),
    }
}

/// Sets permission bits.
pub fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(SslError::io("set the mode of", path))
}
