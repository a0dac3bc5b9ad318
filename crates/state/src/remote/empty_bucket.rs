//! Deleting a state from a bucket after it was moved.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use uuid::Uuid;

use super::{options::StateBucket, pin::PinFile, working_copy::Marker};
use crate::{
    Lock, LockOptions, RemoteLock, Store,
    error::{StateError, StateErrorKind},
    layout::ClusterLayout,
    lock::remote::{Clock, LOCK, SystemClock},
    store::{
        Folder,
        remote::{Objects, Seal, Signed},
    },
};

/// Deletes everything, under `lock`. The order makes sure that what remains is no state, and is not
/// taken for one: a journal whose beginning is missing is refused.
pub(super) async fn empty(objects: &dyn Objects, lock: RemoteLock) -> Result<usize, StateError> {
    let mut keys = objects.list("").await?;
    keys.retain(|key| key != LOCK);
    keys.sort_by_cached_key(|key| (rank(key), key.clone()));
    for key in &keys {
        lock.held().check()?;
        objects.remove(key).await?;
    }
    lock.release().await;
    objects.remove(LOCK).await?;
    Ok(keys.len() + 1)
}

fn rank(key: &str) -> u8 {
    match key {
        "identity.json" => 3,
        key if !key.starts_with("journal/") => 2,
        key if key.ends_with(".jsonl") => 1,
        _ => 0,
    }
}

/// Resumes the deletion where a move from `bucket` to this machine was interrupted in it. Returns
/// `None` if there was none.
///
/// # Errors
/// Returns an error if the bucket is locked, or cannot be used.
pub async fn finish(
    layout: &ClusterLayout,
    bucket: &dyn StateBucket,
    cluster: &str,
    options: &LockOptions,
) -> Result<Option<usize>, StateError> {
    let begun = |marker: Marker| marker.left && marker.url == bucket.url();
    if !Marker::read(layout)?.is_some_and(begun) {
        return Ok(None);
    }
    let _here = Lock::acquire(&layout.state, options.clone()).await?;
    let owner = known(&layout.state, cluster).await?;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let pin = PinFile::of(layout, bucket.url());
    let objects = Signed::new(bucket.objects());
    if let Some(known) = pin.read()?
        && let Some(key) = known.key()
    {
        objects.set(Arc::new(Seal::new(key, known.uuid, BTreeMap::new())));
    }
    let lock = RemoteLock::acquire(Arc::new(objects), clock, &owner, options).await?;
    let deleted = empty(&*bucket.objects(), lock).await?;
    pin.remove()?;
    Marker::remove(layout)?;
    Ok(Some(deleted))
}

/// Reads the owner of the state here. The state must exist: it is the only one left.
async fn known(folder: &Path, cluster: &str) -> Result<infra_provider_api::Owner, StateError> {
    let store = Store::open_unclaimed(Arc::new(Folder::new(folder)), cluster, Uuid::nil()).await?;
    if store.owner().uuid.is_nil() {
        return Err(StateError::new(
            StateErrorKind::Damaged,
            format!("the state that was moved to {} is not there any more", folder.display()),
        ));
    }
    Ok(store.owner().clone())
}

#[cfg(test)]
mod tests {
    use super::rank;

    #[test]
    fn what_is_left_is_no_record() {
        let mut keys = [
            "files/000001-aa/pki/ca.crt",
            "identity.json",
            "journal/000000000003.jsonl",
            "journal/000000000004.snapshot.json",
            "journal/000000000005.jsonl",
        ];
        keys.sort_by_key(|key| (rank(key), *key));
        assert_eq!(keys[0], "journal/000000000004.snapshot.json");
        assert_eq!(keys[1], "journal/000000000003.jsonl");
        assert_eq!(keys[4], "identity.json");
    }
}
