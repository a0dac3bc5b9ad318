//! Where the store keeps its bytes. Small, so that a bucket can be one.

use async_trait::async_trait;

use super::StoreError;

/// Where the store keeps its bytes, by name (`journal`, `snapshot.json`).
#[async_trait]
pub trait Backend: Send + Sync {
    /// Describes where a person finds `name`: a path, a URL.
    fn describe(&self, name: &str) -> String;

    /// Reads all bytes of `name`. Returns `None` if it does not exist.
    async fn read(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError>;

    /// Puts `bytes` in the place of `name`: whole or not at all, and on the disk when it returns.
    async fn replace(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError>;

    /// Puts `bytes` in the place of `name` only if nothing is there; `false` if something is.
    async fn create_new(&self, name: &str, bytes: Vec<u8>) -> Result<bool, StoreError>;

    /// Appends `bytes` to `name`, on the disk when it returns. If it fails, a part may be there.
    async fn append(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError>;

    /// Cuts `name` to its first `length` bytes: what a crash tore.
    async fn truncate(&self, name: &str, length: u64) -> Result<(), StoreError>;

    /// Removes `name`; no error if there is no such thing.
    async fn remove(&self, name: &str) -> Result<(), StoreError>;

    /// Checks that this process may still act for the cluster. It is asked right before each call
    /// that changes something.
    ///
    /// # Errors
    /// Returns an error if the lease that this store writes under is over, or belongs to another
    /// run.
    fn may_act(&self) -> Result<(), StoreError> {
        Ok(())
    }

    /// Returns true if the journal lies in so many parts that it should be compacted, however small
    /// it is.
    fn has_many_parts(&self) -> bool {
        false
    }

    /// Lists the names that begin with `prefix`, sorted.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError>;
}
