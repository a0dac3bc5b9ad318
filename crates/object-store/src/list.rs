//! Listing.

use futures::StreamExt;
use futures::stream;

use crate::{Bucket, StoreError};

/// Deletes under way at once.
const PARALLEL_DELETES: usize = 16;

/// One object of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Key.
    pub key: String,
    /// Bytes.
    pub size: u64,
    /// Entity tag, as the store gives it.
    pub etag: Option<String>,
}

impl Bucket {
    /// Lists all objects whose key begins with `prefix`, over all pages.
    pub async fn list(&self, prefix: &str) -> Result<Vec<ObjectMeta>, StoreError> {
        let mut pages =
            self.client.list_objects_v2().bucket(&self.name).prefix(prefix).into_paginator().send();
        let mut out = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|e| self.call("list", prefix).error(e))?;
            for object in page.contents() {
                out.push(ObjectMeta {
                    key: object.key().unwrap_or_default().to_string(),
                    size: object.size().and_then(|n| u64::try_from(n).ok()).unwrap_or(0),
                    etag: object.e_tag().map(str::to_string),
                });
            }
        }
        Ok(out)
    }

    /// Deletes all objects whose key begins with `prefix` (`""`: every object); how many.
    pub async fn delete_prefix(&self, prefix: &str) -> Result<usize, StoreError> {
        let objects = self.list(prefix).await?;
        // A plain loop instead of a closure: callers box this future, and a closure over references
        // would not be general enough for that.
        let mut deletes = Vec::with_capacity(objects.len());
        for object in &objects {
            deletes.push(self.delete(&object.key));
        }
        let mut running = stream::iter(deletes).buffer_unordered(PARALLEL_DELETES);
        while let Some(result) = running.next().await {
            result?;
        }
        Ok(objects.len())
    }
}
