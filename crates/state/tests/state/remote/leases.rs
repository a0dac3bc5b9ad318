//! Who holds the lock, and until when.

use std::{sync::Arc, time::Duration};

use infra_provider_api::Owner;
use infra_state::{
    LockError, LockOptions, StoreError,
    journal::Holder,
    lock::remote::{LOCK, RemoteLock, read, unlock},
    store::remote::probe,
};
use uuid::Uuid;

use super::{
    bucket::{Bucket, Wrong},
    clock::HandClock,
};

pub fn owner() -> Owner {
    Owner { cluster: "lab".to_owned(), uuid: Uuid::from_u128(7) }
}

pub fn options(user: &str) -> LockOptions {
    let holder = Holder { user: user.to_owned(), host: "box".to_owned(), pid: 7 };
    LockOptions { holder, ..LockOptions::new("apply") }
}

pub async fn take(bucket: &Bucket, clock: &HandClock, user: &str) -> Result<RemoteLock, LockError> {
    let clock = Arc::new(clock.clone());
    RemoteLock::acquire(bucket.objects(), clock, &owner(), &options(user)).await
}

#[tokio::test]
async fn a_store_that_ignores_conditions_is_found_out() {
    let bucket = Bucket::new();
    probe(&bucket).await.unwrap();
    assert!(bucket.all().is_empty(), "the probe leaves nothing behind");
    for wrong in [Wrong::IgnoresNew, Wrong::IgnoresUnchanged] {
        bucket.goes_wrong(wrong);
        let error = probe(&bucket).await.unwrap_err();
        assert!(matches!(error, StoreError::IgnoresConditions { .. }), "{wrong:?}: {error}");
        assert!(error.hint().unwrap().contains("If-None-Match"));
        assert!(bucket.all().is_empty());
    }
}

#[tokio::test]
async fn the_second_one_hears_who_holds_it_and_since_when() {
    let (bucket, clock) = (Bucket::new(), HandClock::new());
    let first = take(&bucket, &clock, "ada").await.unwrap();
    assert_eq!(first.held().generation(), 1);
    let error = take(&bucket, &clock, "bob").await.unwrap_err();
    assert!(error.to_string().contains("locked by ada@box pid 7 (apply) since"), "{error}");
    first.release().await;
    assert_eq!(read(&bucket, None).await.unwrap(), None);
    let second = take(&bucket, &clock, "bob").await.unwrap();
    assert_eq!(second.held().generation(), 2, "generations never go back");
    assert!(second.taken_over.is_none());
}

#[tokio::test]
async fn a_lease_ends_by_the_stores_clock_alone() {
    let bucket = Bucket::new();
    let first = take(&bucket, &HandClock::new(), "ada").await.unwrap();
    // Its holder is gone without a word: nothing renews it.
    std::mem::forget(first);
    let wrong = HandClock::off_by(90 * 86_400);
    bucket.clock.turn(61);
    let early = take(&bucket, &wrong, "bob").await;
    assert!(matches!(early, Err(LockError::Held { .. })), "whatever the clock here says");
    bucket.clock.turn(1);
    let second = take(&bucket, &wrong, "bob").await.unwrap();
    assert_eq!(second.taken_over.as_ref().unwrap().holder.user, "ada");
    assert_eq!(second.held().generation(), 2);
}

#[tokio::test]
async fn waiting_ends_when_it_is_given_back_or_when_time_is_up() {
    let (bucket, clock) = (Bucket::new(), HandClock::new());
    let first = take(&bucket, &clock, "ada").await.unwrap();
    let patient = LockOptions { timeout: Duration::from_secs(120), ..options("bob") };
    let acquire = |options: LockOptions| {
        let (objects, clock) = (bucket.objects(), Arc::new(clock.clone()));
        async move { RemoteLock::acquire(objects, clock, &owner(), &options).await }
    };
    let second = tokio::spawn(acquire(patient.clone()));
    while bucket.calls() == 0 {
        tokio::task::yield_now().await;
    }
    first.release().await;
    clock.turn(2);
    let second = second.await.unwrap().unwrap();
    let third = tokio::spawn(acquire(patient));
    while !third.is_finished() {
        clock.turn(1);
        tokio::task::yield_now().await;
    }
    assert!(matches!(third.await.unwrap(), Err(LockError::Held { .. })));
    drop(second);
}

/// Turns the clock of the holder, and the bucket's along with it, second by second.
async fn pass(bucket: &Bucket, clock: &HandClock, seconds: u64) {
    for _ in 0..seconds {
        clock.turn(1);
        bucket.clock.turn(1);
        for _ in 0..20 {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn while_its_holder_lives_it_is_renewed() {
    let (bucket, clock) = (Bucket::new(), HandClock::new());
    let lock = take(&bucket, &clock, "ada").await.unwrap();
    pass(&bucket, &clock, 300).await;
    lock.held().check().unwrap();
    assert!(matches!(take(&bucket, &clock, "bob").await, Err(LockError::Held { .. })));
    // A bucket that is away for less than the lease does no harm,
    bucket.goes_wrong(Wrong::Away);
    pass(&bucket, &clock, 25).await;
    bucket.goes_wrong(Wrong::Nothing);
    pass(&bucket, &clock, 120).await;
    lock.held().check().unwrap();
    // for longer, and the holder stops, before anybody else could take it.
    bucket.goes_wrong(Wrong::Away);
    while lock.held().check().is_ok() {
        pass(&bucket, &clock, 1).await;
    }
    lock.lost().cancelled().await;
    bucket.goes_wrong(Wrong::Nothing);
    assert!(matches!(take(&bucket, &clock, "bob").await, Err(LockError::Held { .. })));
}

#[tokio::test]
async fn a_lost_answer_is_no_lost_lock() {
    let (bucket, clock) = (Bucket::new(), HandClock::new());
    bucket.goes_wrong(Wrong::RepeatsWrites);
    let lock = take(&bucket, &clock, "ada").await.unwrap();
    pass(&bucket, &clock, 100).await;
    lock.held().check().unwrap();
    assert_eq!(lock.held().generation(), 1);
}

#[tokio::test]
async fn unlocking_asks_for_the_id() {
    let (bucket, clock) = (Bucket::new(), HandClock::new());
    let lock = take(&bucket, &clock, "ada").await.unwrap();
    let id = lock.held().lease().id;
    assert!(matches!(unlock(&bucket, None, "other").await, Err(LockError::Held { .. })));
    assert_eq!(unlock(&bucket, Some(&owner()), &id).await.unwrap().unwrap().id, id);
    let second = take(&bucket, &clock, "bob").await.unwrap();
    // The first one lives, and finds out with its next renewal.
    pass(&bucket, &clock, 21).await;
    lock.lost().cancelled().await;
    let error = lock.held().check().unwrap_err().to_string();
    assert!(error.contains("bob@box pid 7 (apply) took it over"), "{error}");
    second.held().check().unwrap();
}

#[tokio::test]
async fn newer_locks_and_those_of_others_are_left_alone() {
    let (bucket, clock) = (Bucket::new(), HandClock::new());
    for (text, wanted) in
        [(r#"{"version":2,"whatever":[]}"#.to_owned(), "format 2"), ("torn".to_owned(), "no lock")]
    {
        bucket.set(LOCK, text.as_bytes());
        let error = take(&bucket, &clock, "ada").await.unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}");
        assert_eq!(bucket.all()[LOCK], text.as_bytes());
    }
    bucket.take(LOCK);
    let lock = take(&bucket, &clock, "ada").await.unwrap();
    let before = bucket.all();
    let other = Owner { cluster: "prod".to_owned(), uuid: Uuid::from_u128(8) };
    let clock = Arc::new(clock);
    let theirs = RemoteLock::acquire(bucket.objects(), clock, &other, &options("bob")).await;
    let error = theirs.unwrap_err().to_string();
    assert!(error.contains("is the lock of cluster lab"), "{error}");
    assert_eq!(bucket.all(), before);
    drop(lock);
}
