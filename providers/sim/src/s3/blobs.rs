//! The files with the contents of objects.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures::StreamExt;
use http::HeaderMap;
use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{Checksum, StreamingBlob};
use s3s::{S3Result, TrailingHeaders, s3_error};
use tokio::fs::File;
use tokio::io::{AsyncWriteExt, BufWriter};

use crate::sim::Sim;

/// A content that was written and checked.
pub struct Blob {
    /// Its file's name.
    pub data: String,
    /// Bytes.
    pub size: u64,
    /// MD5 in hex, the ETag of a simple object.
    pub md5: String,
    /// The checksums the writer asked for.
    pub checksum: Checksum,
}

/// What the writer says of the content.
#[derive(Default)]
pub struct Claims {
    /// `content-md5`, base64.
    pub md5: Option<String>,
    /// `content-length` of the content itself.
    pub length: Option<i64>,
    /// The algorithm named in advance, whose value may come as a trailer.
    pub algorithm: Option<String>,
    /// Checksums given in headers.
    pub checksum: Checksum,
    /// Trailers, readable once the body was read.
    pub trailers: Option<TrailingHeaders>,
}

/// Returns the path of a content's file.
pub fn path(sim: &Sim, data: &str) -> PathBuf {
    let folder = data.get(..2).unwrap_or("00");
    sim.data.join("s3").join(folder).join(data)
}

/// Removes contents nobody refers to any more. One that stays behind costs space, nothing else.
pub fn remove(sim: &Arc<Sim>, data: Vec<String>) {
    for name in data {
        let path = path(sim, &name);
        if let Err(e) = std::fs::remove_file(&path) {
            tracing::debug!("{}: {e}", path.display());
        }
    }
}

/// Removes contents that no object and no upload refers to: what a killed server was writing.
pub fn sweep(sim: &Sim) {
    let known: HashSet<String> = sim.world.read(|w| {
        let parts = w.uploads.iter().flat_map(|u| u.parts.values().map(|p| p.data.clone()));
        w.objects.iter().map(|o| o.data.clone()).chain(parts).collect()
    });
    let folders = std::fs::read_dir(sim.data.join("s3")).into_iter().flatten().flatten();
    let files = folders.flat_map(|f| std::fs::read_dir(f.path()).into_iter().flatten().flatten());
    for file in files {
        if !file.file_name().to_str().is_some_and(|n| known.contains(n)) {
            let _ = std::fs::remove_file(file.path());
        }
    }
}

fn io(e: impl std::fmt::Display) -> s3s::S3Error {
    s3_error!(InternalError, "storage: {e}")
}

/// Makes the file of a new content.
///
/// # Errors
/// Returns `InternalError` if the disk refuses.
pub async fn create(sim: &Sim) -> S3Result<(String, File)> {
    let data = uuid::Uuid::new_v4().simple().to_string();
    let path = path(sim, &data);
    let folder = path.parent().unwrap_or(Path::new("."));
    tokio::fs::create_dir_all(folder).await.map_err(io)?;
    let file = File::create(&path).await.map_err(io)?;
    Ok((data, file))
}

/// Writes a body to a new file and compares it with the writer's claims.
///
/// # Errors
/// Returns `BadDigest`, `IncompleteBody`, or `InternalError`; the file is gone then.
pub async fn write(sim: &Sim, body: Option<StreamingBlob>, claims: Claims) -> S3Result<Blob> {
    let (data, file) = create(sim).await?;
    match fill(file, body, claims).await {
        Ok((size, md5, checksum)) => Ok(Blob { data, size, md5, checksum }),
        Err(e) => {
            let _ = tokio::fs::remove_file(path(sim, &data)).await;
            Err(e)
        }
    }
}

async fn fill(
    file: File,
    body: Option<StreamingBlob>,
    mut claims: Claims,
) -> S3Result<(u64, String, Checksum)> {
    let mut hasher = hasher(&claims)?;
    let mut md5 = Md5::new();
    let mut file = BufWriter::new(file);
    let mut size = 0u64;
    if let Some(mut body) = body {
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(|e| s3_error!(IncompleteBody, "{e}"))?;
            md5.update(&chunk);
            hasher.update(&chunk);
            size += chunk.len() as u64;
            file.write_all(&chunk).await.map_err(io)?;
        }
    }
    file.flush().await.map_err(io)?;
    if claims.length.is_some_and(|l| u64::try_from(l) != Ok(size)) {
        return Err(s3_error!(IncompleteBody));
    }
    let md5 = md5.finalize();
    if let Some(given) = &claims.md5
        && STANDARD.decode(given).ok().as_deref() != Some(md5.as_ref())
    {
        return Err(s3_error!(BadDigest, "content-md5 does not match"));
    }
    let trailers = claims.trailers.take().and_then(|t| t.take());
    if let Some(trailers) = trailers {
        take_trailers(&mut claims.checksum, &trailers);
    }
    let checksum = hasher.finalize();
    compare(&claims.checksum, &checksum)?;
    Ok((size, hex::encode(md5.as_ref()), checksum))
}

fn hasher(claims: &Claims) -> S3Result<ChecksumHasher> {
    let mut hasher = ChecksumHasher::default();
    let given = &claims.checksum;
    let named = claims.algorithm.as_deref().unwrap_or_default();
    if given.checksum_crc32.is_some() || named == "CRC32" {
        hasher.crc32 = Some(Default::default());
    }
    if given.checksum_crc32c.is_some() || named == "CRC32C" {
        hasher.crc32c = Some(Default::default());
    }
    if given.checksum_crc64nvme.is_some() || named == "CRC64NVME" {
        hasher.crc64nvme = Some(Default::default());
    }
    if given.checksum_sha1.is_some() || named == "SHA1" {
        hasher.sha1 = Some(Default::default());
    }
    if given.checksum_sha256.is_some() || named == "SHA256" {
        hasher.sha256 = Some(Default::default());
    }
    Ok(hasher)
}

fn take_trailers(checksum: &mut Checksum, trailers: &HeaderMap) {
    let take = |slot: &mut Option<String>, name: &str| {
        if let Some(value) = trailers.get(name).and_then(|v| v.to_str().ok()) {
            *slot = Some(value.to_owned());
        }
    };
    take(&mut checksum.checksum_crc32, "x-amz-checksum-crc32");
    take(&mut checksum.checksum_crc32c, "x-amz-checksum-crc32c");
    take(&mut checksum.checksum_crc64nvme, "x-amz-checksum-crc64nvme");
    take(&mut checksum.checksum_sha1, "x-amz-checksum-sha1");
    take(&mut checksum.checksum_sha256, "x-amz-checksum-sha256");
}

fn compare(given: &Checksum, real: &Checksum) -> S3Result<()> {
    for (given, real) in [
        (&given.checksum_crc32, &real.checksum_crc32),
        (&given.checksum_crc32c, &real.checksum_crc32c),
        (&given.checksum_crc64nvme, &real.checksum_crc64nvme),
        (&given.checksum_sha1, &real.checksum_sha1),
        (&given.checksum_sha256, &real.checksum_sha256),
    ] {
        if given.is_some() && real.is_some() && given != real {
            return Err(s3_error!(BadDigest, "the checksum does not match"));
        }
    }
    Ok(())
}
