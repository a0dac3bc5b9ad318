//! What a state in a bucket needs of the bucket. Small, so that tests can be one.

use std::time::Duration;

use async_trait::async_trait;

use crate::store::StoreError;

/// An object as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// All of it.
    pub bytes: Vec<u8>,
    /// Its entity tag.
    pub etag: String,
    /// How long ago it was written, by the store's own clock.
    pub age: Option<Duration>,
}

/// What must hold for a write to be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Only {
    /// Nothing is there.
    New,
    /// What is there still has this entity tag.
    Unchanged(String),
}

/// One bucket, below a prefix.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Describes where a person finds `key`: a URL.
    fn describe(&self, key: &str) -> String;

    /// Reads the object. Returns `None` if there is none.
    async fn get(&self, key: &str) -> Result<Option<Object>, StoreError>;

    /// Writes the object if the condition holds: its new entity tag, or `None` if it does not hold.
    /// `None` may be about the call's own first try, when that one's answer was lost.
    async fn put(
        &self,
        key: &str,
        bytes: Vec<u8>,
        only: Only,
    ) -> Result<Option<String>, StoreError>;

    /// Removes the object; no error if there is none.
    async fn remove(&self, key: &str) -> Result<(), StoreError>;

    /// Lists the keys that begin with `prefix`, sorted.
    async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError>;
}
