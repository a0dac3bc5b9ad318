//! Persister: sends local files to a safer place once they are made, such as a bucket.

use std::path::PathBuf;

use async_trait::async_trait;
use infra_provider_api::CloudError;

/// Keeps what was made on this machine somewhere safe.
#[async_trait]
pub trait Persister: Send + Sync {
    /// Keeps everything that is new, and forgets what was removed. Dependent resources wait for this.
    ///
    /// # Errors
    /// Returns an error if it cannot be kept.
    async fn persist(&self) -> Result<(), CloudError>;

    /// Notes that files were removed on purpose. What is missing for another reason is not forgotten.
    fn removed(&self, paths: &[PathBuf]);
}
