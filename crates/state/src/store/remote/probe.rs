//! Whether a store honours conditional writes. Some clones of S3 take both of two writers.

use uuid::Uuid;

use super::objects::{Objects, Only};
use crate::store::StoreError;

/// Tries conditional writes on an object of its own: four small writes and a removal.
///
/// # Errors
/// Returns [`StoreError::IgnoresConditions`] if the store lets a write through that it had to
/// refuse, or any error of the store.
pub async fn probe(objects: &dyn Objects) -> Result<(), StoreError> {
    let key = format!("probe/{}", Uuid::new_v4());
    let tried = conditions(objects, &key).await;
    let removed = objects.remove(&key).await;
    tried.and(removed)
}

async fn conditions(objects: &dyn Objects, key: &str) -> Result<(), StoreError> {
    let put = |text: &str, only: Only| objects.put(key, text.as_bytes().to_vec(), only);
    let ignores =
        |what: &'static str| StoreError::IgnoresConditions { name: objects.describe(""), what };
    put("one", Only::New).await?;
    if put("two", Only::New).await?.is_some() {
        return Err(ignores("a second create of the same object was taken"));
    }
    let wrong = "\"00000000000000000000000000000000\"".to_owned();
    if put("three", Only::Unchanged(wrong)).await?.is_some() {
        return Err(ignores("a write with a wrong If-Match was taken"));
    }
    // And what must go through does: a store that refuses everything is of no use either.
    let there = objects.get(key).await?;
    let Some(there) = there.filter(|there| there.bytes == b"one") else {
        return Err(ignores("a refused write was made"));
    };
    match put("four", Only::Unchanged(there.etag)).await? {
        Some(_) => Ok(()),
        None => Err(ignores("a write with the right If-Match was refused")),
    }
}
