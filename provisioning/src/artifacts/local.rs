//! Taking files from a folder, for machines without internet.

use std::path::{Path, PathBuf};

use crate::artifacts::catalog::ImageEntry;
use crate::artifacts::{
    Artifact, ArtifactError, Catalog, LOCK_VERSION, Lock, Locked, Progress, find_checksum,
    sha256_file,
};

/// Copies what the catalog lists from `folder` into `cache` and returns the lock. Both the
/// publisher's file names and those of the cache are accepted. A `SHA256SUMS` in the folder must
/// list and match every file taken; without one the sums found are what the lock pins. Image
/// archives (`image-<name>-<tag>-linux-<arch>.tar`) are taken where there are some.
pub fn take_from_folder(
    catalog: &Catalog,
    folder: &Path,
    cache: &Path,
    progress: &dyn Progress,
) -> Result<Lock, ArtifactError> {
    std::fs::create_dir_all(cache).map_err(ArtifactError::io("create", cache))?;
    let sums_path = folder.join("SHA256SUMS");
    let sums = match std::fs::read_to_string(&sums_path) {
        Ok(text) => Some((sums_path, text)),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        Err(e) => return Err(ArtifactError::io("read", &sums_path)(e)),
    };
    let mut wanted = Vec::new();
    for artifact in &catalog.files {
        wanted.push((artifact.clone(), source_of(artifact, folder)?));
    }
    for image in &catalog.images {
        wanted.extend(image_in(catalog, image, folder)?);
    }
    progress.begin(wanted.len(), 0);
    let mut artifacts = Vec::new();
    for (artifact, source) in wanted {
        let (found, size) = sha256_file(&source)?;
        check(&artifact, &source, sums.as_ref(), &found)?;
        artifact.must_be(&found, &source.display().to_string())?;
        copy(&source, &cache.join(&artifact.file), &found)?;
        progress.moved(&artifact.file, size);
        let mut locked = Locked::of(&artifact, found, size);
        locked.url = String::new();
        artifacts.push(locked);
    }
    Ok(Lock {
        version: LOCK_VERSION,
        kubernetes: catalog.kubernetes.clone(),
        arch: catalog.arch,
        pause: catalog.series.pause.clone(),
        stand_ins: false,
        artifacts,
    })
}

fn source_of(artifact: &Artifact, folder: &Path) -> Result<PathBuf, ArtifactError> {
    [&artifact.file, &artifact.upstream_file]
        .into_iter()
        .map(|n| folder.join(n))
        .find(|p| p.is_file())
        .ok_or_else(|| ArtifactError::NotInFolder {
            folder: folder.to_path_buf(),
            name: artifact.label(),
            wanted: format!("{}, {}", artifact.file, artifact.upstream_file),
        })
}

/// Finds an image's archive in the folder. The file name holds the tag, which must be the known tag
/// if there is one; otherwise the last by name counts.
fn image_in(
    catalog: &Catalog,
    image: &ImageEntry,
    folder: &Path,
) -> Result<Option<(Artifact, PathBuf)>, ArtifactError> {
    let (prefix, suffix) =
        (format!("image-{}-", image.name), format!("-linux-{}.tar", catalog.arch));
    if let Some(tag) = catalog.image_tag(image) {
        let artifact = catalog.image_artifact(image, &tag);
        let path = folder.join(&artifact.file);
        return Ok(path.is_file().then_some((artifact, path)));
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(ArtifactError::io("read", folder))? {
        let entry = entry.map_err(ArtifactError::io("read", folder))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(tag) = name.strip_prefix(&prefix).and_then(|r| r.strip_suffix(&suffix)) {
            found.push((catalog.image_artifact(image, tag), entry.path()));
        }
    }
    found.sort_by(|a, b| a.0.file.cmp(&b.0.file));
    Ok(found.pop())
}

fn check(
    artifact: &Artifact,
    source: &Path,
    sums: Option<&(PathBuf, String)>,
    found: &str,
) -> Result<(), ArtifactError> {
    let Some((path, text)) = sums else {
        return Ok(());
    };
    let file = source.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let expected = find_checksum(text, &file)
        .ok_or_else(|| ArtifactError::NoChecksum { url: path.display().to_string(), file })?;
    if expected != found {
        return Err(ArtifactError::Mismatch {
            name: artifact.label(),
            expected,
            found: found.into(),
        });
    }
    Ok(())
}

fn copy(source: &Path, target: &Path, sha256: &str) -> Result<(), ArtifactError> {
    if target.is_file() && sha256_file(target)?.0 == sha256 {
        return Ok(());
    }
    let write = || -> std::io::Result<()> {
        let folder = target.parent().unwrap_or(Path::new("."));
        let mut temp = tempfile::NamedTempFile::new_in(folder)?;
        std::io::copy(&mut std::fs::File::open(source)?, &mut temp)?;
        temp.as_file().sync_all()?;
        temp.persist(target).map_err(|e| e.error)?;
        Ok(())
    };
    write().map_err(ArtifactError::io("write", target))
}
