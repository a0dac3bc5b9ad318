//! A holder that slept past its lease can write nothing afterwards.

use std::sync::Arc;

use infra_state::{
    RemoteLock, Store, StoreError,
    journal::Entry,
    lock::remote::Clock,
    store::{Backend, remote::Remote},
};

use super::{
    bucket::{Bucket, Wrong},
    clock::HandClock,
    leases::{owner, take},
    records::created,
};

/// A run: its lock and its store.
pub struct Session {
    pub lock: RemoteLock,
    pub store: Store,
}

pub async fn session(bucket: &Bucket, clock: &HandClock, user: &str) -> Session {
    let remote = Arc::new(Remote::new(bucket.objects()));
    let backend: Arc<dyn Backend> = remote.clone();
    let store = Store::open_unclaimed(backend, "lab", owner().uuid).await.unwrap();
    let lock = take(bucket, clock, user).await.unwrap();
    remote.fence(Arc::clone(lock.held()), store.owner()).await.unwrap();
    store.claim().await.unwrap();
    Session { lock, store }
}

#[tokio::test]
async fn its_place_is_taken_whatever_its_clock_says() {
    let bucket = Bucket::new();
    // The clock of a machine that sleeps stands still.
    let asleep = HandClock::new();
    let first = session(&bucket, &asleep, "ada").await;
    first.store.append([created("a")]).await.unwrap();
    bucket.clock.turn(100);
    let second = session(&bucket, &HandClock::new(), "bob").await;
    assert_eq!(second.store.state().resources.len(), 1);
    second.store.append([created("b")]).await.unwrap();

    let before = bucket.all();
    first.lock.held().check().unwrap();
    let error = first.store.append([created("c")]).await.unwrap_err();
    assert!(matches!(error, StoreError::Fenced { .. }), "{error}");
    assert!(error.to_string().contains("bob@box pid 7 (apply) took it over"), "{error}");
    assert_eq!(bucket.all(), before, "nothing was written");
    // And nothing else either, as it knows now.
    assert!(matches!(first.store.compact().await, Err(StoreError::Fenced { .. })));
    drop(first);
    assert_eq!(bucket.all(), before);
    second.store.append([created("d")]).await.unwrap();
    assert_eq!(second.store.state().resources.len(), 3);
}

#[tokio::test]
async fn also_after_the_next_one_has_compacted() {
    for rounds in [1, 3] {
        let bucket = Bucket::new();
        let asleep = HandClock::new();
        let first = session(&bucket, &asleep, "ada").await;
        first.store.append([created("a")]).await.unwrap();
        bucket.clock.turn(100);
        for round in 0..rounds {
            let next = session(&bucket, &HandClock::new(), "bob").await;
            next.store.append([created(&format!("b{round}"))]).await.unwrap();
            next.store.compact().await.unwrap();
            next.store.append([created(&format!("c{round}"))]).await.unwrap();
            next.lock.release().await;
        }
        let before = bucket.all();
        let error = first.store.append([created("x")]).await.unwrap_err();
        assert!(matches!(error, StoreError::Fenced { .. }), "{error}");
        assert_eq!(bucket.all(), before);
    }
}

#[tokio::test]
async fn a_clock_that_ran_on_is_enough_to_stop() {
    let bucket = Bucket::new();
    let clock = HandClock::new();
    let first = session(&bucket, &clock, "ada").await;
    first.store.may_act().unwrap();
    bucket.goes_wrong(Wrong::Away);
    // Nobody has taken it over; but that could be from now on.
    clock.turn(55);
    assert!(matches!(first.store.may_act(), Err(StoreError::Fenced { .. })));
    bucket.goes_wrong(Wrong::Nothing);
    let before = bucket.all();
    assert!(first.store.append([created("a")]).await.is_err());
    assert_eq!(bucket.all(), before);
    assert_eq!(clock.steady().as_secs(), 55);
}

#[tokio::test]
async fn a_line_that_was_written_just_before_counts() {
    let bucket = Bucket::new();
    let asleep = HandClock::new();
    let first = session(&bucket, &asleep, "ada").await;
    bucket.clock.turn(100);
    let remote = Arc::new(Remote::new(bucket.objects()));
    let store = Store::open_unclaimed(remote.clone(), "lab", owner().uuid).await.unwrap();
    let lock = take(&bucket, &HandClock::new(), "bob").await.unwrap();
    // Between the taking of the lock and the fence.
    first.store.append([created("a")]).await.unwrap();
    remote.fence(Arc::clone(lock.held()), store.owner()).await.unwrap();
    store.claim().await.unwrap();
    assert_eq!(store.state().resources.len(), 1);
    assert!(first.store.append([created("b")]).await.is_err());
}

#[tokio::test]
async fn without_a_lease_nothing_is_written() {
    let bucket = Bucket::new();
    let remote = Arc::new(Remote::new(bucket.objects()));
    let store = Store::open_unclaimed(remote, "lab", owner().uuid).await.unwrap();
    let appended = store.append([Entry::RunFinished { run: 1, failed: 0 }]).await;
    assert!(matches!(appended, Err(StoreError::Fenced { .. })));
    assert!(bucket.all().is_empty(), "reading writes nothing");
}
