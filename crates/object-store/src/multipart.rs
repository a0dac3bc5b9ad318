//! Sending files, large ones in parts.

use std::path::Path;

use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::{Bucket, StoreError};

/// Files larger than this are sent in parts.
pub const MULTIPART_FROM: u64 = 64 * 1024 * 1024;
/// Bytes of a part (S3 takes 10,000 of them, so files up to 156 GiB).
pub const PART_BYTES: usize = 16 * 1024 * 1024;

impl Bucket {
    /// Sends a file; `progress` hears of bytes as they are accepted. Returns the bytes sent.
    pub async fn put_file(
        &self,
        key: &str,
        path: &Path,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<u64, StoreError> {
        let local = |source| StoreError::Local { path: path.to_path_buf(), source };
        let size = tokio::fs::metadata(path).await.map_err(local)?.len();
        if size > MULTIPART_FROM {
            return self.put_file_in_parts(key, path, PART_BYTES, progress).await;
        }
        let body = tokio::fs::read(path).await.map_err(local)?;
        self.put(key, body).await?;
        progress(size);
        Ok(size)
    }

    /// Sends a file in parts of `part_bytes` (S3 wants at least 5 MiB for all but the last); a
    /// failed upload is aborted, so that no paid-for parts stay behind.
    pub async fn put_file_in_parts(
        &self,
        key: &str,
        path: &Path,
        part_bytes: usize,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<u64, StoreError> {
        let started = self
            .client
            .create_multipart_upload()
            .bucket(&self.name)
            .key(key)
            .send()
            .await
            .map_err(|e| self.call("write", key).error(e))?;
        let upload = started.upload_id().unwrap_or_default().to_string();
        match self.parts(key, path, &upload, part_bytes, progress).await {
            Ok(sent) => Ok(sent),
            Err(e) => {
                // Parts of an upload that never completes are paid for; the first error counts.
                let abort = self.client.abort_multipart_upload();
                if abort.bucket(&self.name).key(key).upload_id(&upload).send().await.is_err() {
                    tracing::warn!(key, "an unfinished upload could not be aborted");
                }
                Err(e)
            }
        }
    }

    async fn parts(
        &self,
        key: &str,
        path: &Path,
        upload: &str,
        part_bytes: usize,
        progress: &(dyn Fn(u64) + Send + Sync),
    ) -> Result<u64, StoreError> {
        let local = |source| StoreError::Local { path: path.to_path_buf(), source };
        let mut file = File::open(path).await.map_err(local)?;
        let mut done = CompletedMultipartUpload::builder();
        let mut sent = 0u64;
        for number in 1.. {
            let mut part = Vec::with_capacity(part_bytes);
            let limit = u64::try_from(part_bytes).unwrap_or(u64::MAX);
            (&mut file).take(limit).read_to_end(&mut part).await.map_err(local)?;
            if part.is_empty() {
                break;
            }
            let bytes = u64::try_from(part.len()).unwrap_or(0);
            let answer = self
                .client
                .upload_part()
                .bucket(&self.name)
                .key(key)
                .upload_id(upload)
                .part_number(number)
                .body(ByteStream::from(part))
                .send()
                .await
                .map_err(|e| self.call("write", key).error(e))?;
            done = done.parts(
                CompletedPart::builder()
                    .part_number(number)
                    .set_e_tag(answer.e_tag().map(str::to_string))
                    .build(),
            );
            sent += bytes;
            progress(bytes);
        }
        self.client
            .complete_multipart_upload()
            .bucket(&self.name)
            .key(key)
            .upload_id(upload)
            .multipart_upload(done.build())
            .send()
            .await
            .map_err(|e| self.call("write", key).error(e))?;
        Ok(sent)
    }
}
