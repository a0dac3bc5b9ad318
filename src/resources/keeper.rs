//! Where local files are sent when they were made: the record in a bucket.

use async_trait::async_trait;
use infra_provider_api::CloudError;

/// Keeps what was made on this machine somewhere safe.
#[async_trait]
pub trait Keeper: Send + Sync {
    /// Keeps everything that is new, and forgets what is gone. Dependent resources wait for this.
    ///
    /// # Errors
    /// Returns an error if it cannot be kept.
    async fn keep(&self) -> Result<(), CloudError>;
}
