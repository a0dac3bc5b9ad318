//! Downloading from the publishers.

use std::path::Path;
use std::time::Duration;

use infra_provider_api::{Call, Proxy};
use sha2::{Digest, Sha256};
use tokio::io::AsyncWriteExt;

use crate::artifacts::{
    Artifact, ArtifactError, Catalog, LOCK_VERSION, Lock, Locked, Progress, find_checksum,
    sha256_file,
};

/// Downloads what the catalog lists into `cache` and returns the new lock. A file that is in the
/// cache with the SHA-256 of `prior` is not downloaded again; a checksum that differs from
/// `prior`'s is refused. Images have no publisher's archive: entries of `prior` for them are kept,
/// new ones come from [`crate::artifacts::take_from_folder`] only.
pub async fn fetch(
    catalog: &Catalog,
    cache: &Path,
    prior: Option<&Lock>,
    progress: &dyn Progress,
) -> Result<Lock, ArtifactError> {
    std::fs::create_dir_all(cache).map_err(ArtifactError::io("create", cache))?;
    let client = reqwest::Client::builder()
        .connect_timeout(Duration::from_secs(15))
        .read_timeout(Duration::from_secs(60))
        .user_agent(concat!("infra/", env!("CARGO_PKG_VERSION")))
        .build()
        .map_err(|e| failed(&catalog.kubernetes, "", &e))?;
    progress.begin(catalog.files.len(), 0);
    let prior = prior.filter(|p| !p.stand_ins && p.arch == catalog.arch);
    let mut artifacts = Vec::new();
    for artifact in &catalog.files {
        let pinned = prior.and_then(|p| p.find(artifact));
        artifacts.push(one(&client, artifact, cache, pinned, progress).await?);
    }
    if let Some(prior) = prior.filter(|p| p.kubernetes == catalog.kubernetes) {
        let images = prior.artifacts.iter().filter(|l| l.name.starts_with("image-"));
        artifacts.extend(images.cloned());
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

async fn one(
    client: &reqwest::Client,
    artifact: &Artifact,
    cache: &Path,
    pinned: Option<&Locked>,
    progress: &dyn Progress,
) -> Result<Locked, ArtifactError> {
    let path = cache.join(&artifact.file);
    if let Some(pinned) = pinned {
        artifact.must_be(&pinned.sha256, "artifacts.lock")?;
    }
    if let Some(pinned) = pinned
        && path.exists()
    {
        let (found, size) = sha256_file(&path)?;
        if found == pinned.sha256 {
            progress.skipped(&artifact.file, size);
            return Ok(pinned.clone());
        }
    }
    let (Some(url), Some(checksum_url)) = (&artifact.url, &artifact.checksum_url) else {
        return Err(ArtifactError::Catalog(format!("{} has no URL", artifact.name)));
    };
    let list = get(client, &artifact.name, checksum_url)
        .await?
        .text()
        .await
        .map_err(|e| failed(&artifact.name, checksum_url, &e))?;
    let published =
        find_checksum(&list, &artifact.upstream_file).ok_or_else(|| ArtifactError::NoChecksum {
            url: checksum_url.clone(),
            file: artifact.upstream_file.clone(),
        })?;
    artifact.must_be(&published, checksum_url)?;
    if let Some(pinned) = pinned
        && pinned.sha256 != published
    {
        return Err(ArtifactError::PinChanged {
            name: artifact.label(),
            pinned: pinned.sha256.clone(),
            published,
        });
    }
    let answer = get(client, &artifact.name, url).await?;
    let (found, size) = save(artifact, url, answer, &path, &published, progress).await?;
    Ok(Locked::of(artifact, found, size))
}

/// Streams into a temporary file of the cache; only a file with the right sum gets its name.
async fn save(
    artifact: &Artifact,
    url: &str,
    answer: reqwest::Response,
    path: &Path,
    published: &str,
    progress: &dyn Progress,
) -> Result<(String, u64), ArtifactError> {
    let io = |action| ArtifactError::io(action, path);
    let folder = path.parent().unwrap_or(Path::new("."));
    let temp = tempfile::NamedTempFile::new_in(folder).map_err(io("write"))?;
    let handle = temp.reopen().map_err(io("write"))?;
    let mut file = tokio::fs::File::from_std(handle);
    let mut hasher = Sha256::new();
    let mut size = 0u64;
    let mut answer = answer;
    while let Some(chunk) = answer.chunk().await.map_err(|e| failed(&artifact.name, url, &e))? {
        hasher.update(&chunk);
        file.write_all(&chunk).await.map_err(io("write"))?;
        let bytes = u64::try_from(chunk.len()).unwrap_or(0);
        size += bytes;
        progress.moved(&artifact.file, bytes);
    }
    file.sync_all().await.map_err(io("flush"))?;
    let found = hex::encode(hasher.finalize());
    if found != published {
        return Err(ArtifactError::Mismatch {
            name: artifact.label(),
            expected: published.into(),
            found,
        });
    }
    temp.persist(path).map_err(|e| io("write")(e.error))?;
    Ok((found, size))
}

async fn get(
    client: &reqwest::Client,
    name: &str,
    url: &str,
) -> Result<reqwest::Response, ArtifactError> {
    let request = client.get(url).build().map_err(|e| failed(name, url, &e))?;
    let host = request.url().host_str().unwrap_or_default().to_owned();
    let call = Call::begin(&host, "GET", request.url().path(), false);
    let answer = match client.execute(request).await {
        Ok(answer) => {
            call.answered(answer.status().as_u16(), None);
            answer
        }
        Err(error) => {
            call.unanswered("no answer");
            return Err(failed(name, url, &error));
        }
    };
    answer.error_for_status().map_err(|e| failed(name, url, &e))
}

fn failed(name: &str, url: &str, e: &reqwest::Error) -> ArtifactError {
    let mut reason = match e.status() {
        Some(status) => format!("the server answers {status}"),
        None => e.to_string().split(" for url").next().unwrap_or_default().to_string(),
    };
    let mut source = std::error::Error::source(e);
    while let Some(s) = source {
        reason = format!("{reason}: {s}");
        source = s.source();
    }
    if e.is_connect()
        && let Some(proxy) = e.url().and_then(|url| Proxy::of(url.host_str()?))
    {
        reason = format!("{reason} (through {}; {})", proxy.text(), proxy.hint());
    }
    ArtifactError::Download { name: name.into(), url: url.into(), reason }
}
