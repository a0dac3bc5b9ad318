//! Presigned URLs: whoever has one may do that one thing until it ends, so they are secrets.

use std::time::Duration;

use aws_sdk_s3::error::DisplayErrorContext;
use aws_sdk_s3::presigning::PresigningConfig;
use secrecy::SecretString;

use crate::{Bucket, StoreError};

impl Bucket {
    /// Signs a URL that reads `key` for `ttl` (at most seven days).
    pub async fn presign_get(&self, key: &str, ttl: Duration) -> Result<SecretString, StoreError> {
        let request = self.signer.get_object().bucket(&self.name).key(key);
        signed(request.presigned(expiry(ttl)?).await)
    }

    /// Signs a URL that writes `key` for `ttl`.
    pub async fn presign_put(&self, key: &str, ttl: Duration) -> Result<SecretString, StoreError> {
        let request = self.signer.put_object().bucket(&self.name).key(key);
        signed(request.presigned(expiry(ttl)?).await)
    }

    /// Signs a URL that deletes `key` for `ttl`.
    pub async fn presign_delete(
        &self,
        key: &str,
        ttl: Duration,
    ) -> Result<SecretString, StoreError> {
        let request = self.signer.delete_object().bucket(&self.name).key(key);
        signed(request.presigned(expiry(ttl)?).await)
    }
}

fn expiry(ttl: Duration) -> Result<PresigningConfig, StoreError> {
    PresigningConfig::expires_in(ttl)
        .map_err(|e| StoreError::Config(format!("a presigned URL of {} s: {e}", ttl.as_secs())))
}

fn signed<E: std::error::Error>(
    result: Result<aws_sdk_s3::presigning::PresignedRequest, E>,
) -> Result<SecretString, StoreError> {
    result
        .map(|r| SecretString::from(r.uri()))
        .map_err(|e| StoreError::Config(format!("cannot sign a URL: {}", DisplayErrorContext(&e))))
}
