//! A folder on this machine: `.infra/<cluster>`. Folders 0700, files 0600.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use async_trait::async_trait;

use super::{Backend, StoreError, fault_point::Point};

/// A folder on this machine.
#[derive(Clone, Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a backend of the folder at `path`. The folder is made when something is written.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Runs `work` off the async threads, with the path of `name`.
    async fn blocking<T: Send + 'static>(
        &self,
        what: &'static str,
        name: &str,
        work: impl FnOnce(&Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.path.join(name);
        let shown = path.display().to_string();
        match tokio::task::spawn_blocking(move || work(&path)).await {
            Ok(result) => result.map_err(|error| StoreError::io(what, shown, &error)),
            Err(error) => Err(StoreError::io(what, shown, &io::Error::other(error))),
        }
    }
}

/// Makes `folder` and all above it, private.
pub fn make_folder(folder: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

fn parent(path: &Path) -> io::Result<&Path> {
    path.parent().ok_or_else(|| io::Error::other("it has no folder"))
}

/// Syncs the folder, so that a rename or a new file survives a power cut.
fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn temporary(path: &Path, bytes: &[u8]) -> io::Result<tempfile::NamedTempFile> {
    let folder = parent(path)?;
    make_folder(folder)?;
    // Made with mode 0600, and removed again if anything fails.
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[async_trait]
impl Backend for Folder {
    fn describe(&self, name: &str) -> String {
        self.path.join(name).display().to_string()
    }

    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.blocking("read", name, |path| match fs::read(path) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        })
        .await
    }

    async fn replace(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.blocking("write", name, move |path| {
            let point = Point::at(path);
            if let Some(point) = &point {
                point.before(&bytes, |_| {});
            }
            temporary(path, &bytes)?.persist(path).map_err(|error| error.error)?;
            sync_folder(parent(path)?)?;
            if let Some(point) = &point {
                point.after();
            }
            Ok(())
        })
        .await
    }

    async fn create_new(&self, name: &str, bytes: Vec<u8>) -> Result<bool, StoreError> {
        self.blocking("write", name, move |path| {
            match temporary(path, &bytes)?.persist_noclobber(path) {
                Ok(_) => sync_folder(parent(path)?).map(|()| true),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
                Err(error) => Err(error.error),
            }
        })
        .await
    }

    async fn append(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.blocking("append to", name, move |path| {
            let mut file = OpenOptions::new().append(true).mode(0o600).open(path)?;
            let point = Point::at(path);
            if let Some(point) = &point {
                point.before(&bytes, |half| drop(file.write_all(half)));
            }
            file.write_all(&bytes)?;
            file.sync_data()?;
            if let Some(point) = &point {
                point.after();
            }
            Ok(())
        })
        .await
    }

    async fn truncate(&self, name: &str, length: u64) -> Result<(), StoreError> {
        self.blocking("repair", name, move |path| {
            let file = OpenOptions::new().write(true).open(path)?;
            file.set_len(length)?;
            file.sync_all()
        })
        .await
    }

    async fn remove(&self, name: &str) -> Result<(), StoreError> {
        self.blocking("remove", name, |path| match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        })
        .await
    }

    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let root = self.path.clone();
        let prefix = prefix.to_owned();
        let mut names = self
            .blocking("list", "", move |_| {
                let mut names = Vec::new();
                collect(&root, &root, &mut names)?;
                Ok(names)
            })
            .await?;
        names.retain(|name| name.starts_with(&prefix));
        names.sort();
        Ok(names)
    }
}

fn collect(root: &Path, folder: &Path, names: &mut Vec<String>) -> io::Result<()> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    for entry in entries {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, names)?;
        } else if let Ok(name) = path.strip_prefix(root) {
            names.push(name.display().to_string());
        }
    }
    Ok(())
}
