//! Attacks by somebody who may write to the bucket and has no key.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use infra_state::{
    LockError, RemoteLock, Store, StoreError,
    lock::remote::LOCK,
    store::{
        Backend, History,
        remote::{KEY, Mark, Objects, Remote, Seal, Signed, Watermark},
    },
};
use uuid::Uuid;

use super::{
    bucket::Bucket,
    clock::HandClock,
    leases::{options, owner},
    records::created,
};

/// What one machine remembers.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Option<Mark>>>);

impl Watermark for Memory {
    fn seen(&self) -> Result<Option<Mark>, StoreError> {
        Ok(self.0.lock().unwrap().clone())
    }

    fn note(&self, mark: &Mark) {
        let mut seen = self.0.lock().unwrap();
        if seen.as_ref().is_none_or(|seen| seen.number <= mark.number) {
            *seen = Some(mark.clone());
        }
    }
}

fn signed(bucket: &Bucket, key: u8, uuid: Uuid) -> Arc<dyn Objects> {
    let objects = Signed::new(bucket.objects());
    objects.set(Arc::new(Seal::new([key; KEY], uuid, BTreeMap::new())));
    Arc::new(objects)
}

async fn open(bucket: &Bucket, memory: &Memory) -> Result<Store, StoreError> {
    let remote = Remote::new(signed(bucket, 1, owner().uuid)).watched_by(Arc::new(memory.clone()));
    Store::open_unclaimed(Arc::new(remote), "lab", owner().uuid).await
}

struct Run {
    lock: RemoteLock,
    store: Store,
}

async fn run(bucket: &Bucket, memory: &Memory) -> Run {
    let objects = signed(bucket, 1, owner().uuid);
    let remote = Remote::new(Arc::clone(&objects)).watched_by(Arc::new(memory.clone()));
    let remote = Arc::new(remote);
    let backend: Arc<dyn Backend> = remote.clone();
    let store = Store::open_unclaimed(backend, "lab", owner().uuid).await.unwrap();
    let clock = Arc::new(HandClock::new());
    let lock = RemoteLock::acquire(objects, clock, &owner(), &options("ada")).await.unwrap();
    remote.fence(Arc::clone(lock.held()), store.owner()).await.unwrap();
    store.claim().await.unwrap();
    Run { lock, store }
}

/// A bucket with a state of some objects, and what a machine remembers of it.
async fn record() -> (Bucket, Memory) {
    let (bucket, memory) = (Bucket::new(), Memory::default());
    let run = run(&bucket, &memory).await;
    for name in ["a", "b", "c"] {
        run.store.append([created(name)]).await.unwrap();
    }
    run.lock.release().await;
    (bucket, memory)
}

fn segment(number: u64) -> String {
    format!("journal/{number:012}.jsonl")
}

/// Nothing of it is taken over, whoever looks, and what a run that wants to write says.
async fn assert_untrusted(bucket: &Bucket, memory: &Memory) {
    for memory in [memory, &Memory::default()] {
        let before = bucket.all();
        let error = open(bucket, memory).await.unwrap_err();
        assert!(matches!(error, StoreError::Untrusted { .. }), "{error}");
        assert!(error.hint().unwrap().contains("no key of the state"));
        assert_eq!(bucket.all(), before);
    }
}

#[tokio::test]
async fn forged_moved_and_unsigned_lines_are_refused() {
    let (bucket, memory) = record().await;
    assert_eq!(open(&bucket, &memory).await.unwrap().state().resources.len(), 3);
    let whole = bucket.all();
    let text = String::from_utf8(whole[&segment(3)].clone()).unwrap();
    let (signature, line) = text.split_once('\n').unwrap();

    // A line of one's own, with a fitting checksum, behind the signature or in place of all.
    let at = jiff::Timestamp::now();
    let forged = infra_state::journal::encode(2, at, &created("evil")).unwrap();
    let forged = String::from_utf8(forged).unwrap();
    for body in [
        format!("{signature}\n{forged}"),
        format!("{signature}\n{line}{forged}"),
        forged.clone(),
        line.to_owned(),
        String::new(),
    ] {
        bucket.set(&segment(3), body.as_bytes());
        assert_untrusted(&bucket, &memory).await;
    }
    // Two lines swapped, one in the place of another.
    bucket.set(&segment(3), &whole[&segment(4)]);
    assert_untrusted(&bucket, &memory).await;
    bucket.set(&segment(4), &whole[&segment(3)]);
    assert_untrusted(&bucket, &memory).await;
    bucket.set(&segment(3), &whole[&segment(3)]);
    assert_untrusted(&bucket, &memory).await;
    bucket.set(&segment(4), &whole[&segment(4)]);
    open(&bucket, &memory).await.unwrap();

    // One more at the end: the next number is free to everybody.
    bucket.set(&segment(5), forged.as_bytes());
    assert_untrusted(&bucket, &memory).await;
}

#[tokio::test]
async fn what_another_key_or_cluster_signed_is_refused() {
    let (bucket, memory) = record().await;
    let whole = bucket.all();
    for (key, uuid) in [(2, owner().uuid), (1, Uuid::from_u128(8))] {
        let other = Bucket::new();
        let objects = signed(&other, key, uuid);
        let line = infra_state::journal::encode(1, jiff::Timestamp::now(), &created("x"));
        let only = infra_state::store::remote::Only::New;
        objects.put(&segment(3), line.unwrap(), only).await.unwrap();
        bucket.set(&segment(3), &other.all()[&segment(3)]);
        assert_untrusted(&bucket, &memory).await;
        bucket.set(&segment(3), &whole[&segment(3)]);
    }
    open(&bucket, &memory).await.unwrap();
}

#[tokio::test]
async fn a_journal_that_is_set_back_is_noticed_by_who_has_seen_more() {
    let (bucket, memory) = record().await;
    let earlier = bucket.all();
    let later = run(&bucket, &memory).await;
    later.store.append([created("d")]).await.unwrap();
    later.lock.release().await;
    let whole = bucket.all();
    let back = |to: &BTreeMap<String, Vec<u8>>| {
        for key in bucket.all().keys() {
            bucket.take(key);
        }
        for (key, bytes) in to {
            bucket.set(key, bytes);
        }
    };

    back(&earlier);
    let error = open(&bucket, &memory).await.unwrap_err();
    assert!(matches!(error, StoreError::SetBack { seen: 6, end: 4, .. }), "{error}");
    assert_eq!(bucket.all(), earlier, "nothing was written");
    // Somebody who has never seen it can't know.
    let fresh = Memory::default();
    let other = run(&bucket, &fresh).await;
    for name in ["x", "y", "z"] {
        other.store.append([created(name)]).await.unwrap();
    }
    other.lock.release().await;
    // It is longer now; but it is another one from there on.
    let error = open(&bucket, &memory).await.unwrap_err();
    assert!(matches!(error, StoreError::SetBack { seen: 6, .. }), "{error}");
    back(&BTreeMap::new());
    let error = open(&bucket, &memory).await.unwrap_err();
    assert!(matches!(error, StoreError::SetBack { seen: 6, end: 0, .. }), "{error}");
    back(&whole);
    assert_eq!(open(&bucket, &memory).await.unwrap().state().resources.len(), 4);

    // Compacting is no setting back.
    let compacts = run(&bucket, &memory).await;
    compacts.store.compact().await.unwrap();
    compacts.lock.release().await;
    assert_eq!(open(&bucket, &memory).await.unwrap().state().resources.len(), 4);
}

#[tokio::test]
async fn forged_snapshots_locks_and_histories_are_refused() {
    let (bucket, memory) = record().await;
    let run = run(&bucket, &memory).await;
    run.store
        .append([infra_state::journal::Entry::RunStarted {
            run: 1,
            verb: "apply".to_owned(),
            by: options("ada").holder,
        }])
        .await
        .unwrap();
    run.store.keep_history(History::of("apply", [0; 4], 0, None, None)).await.unwrap();
    run.store.compact().await.unwrap();
    run.lock.release().await;
    let store = open(&bucket, &memory).await.unwrap();
    assert_eq!(store.history(1).await.unwrap().unwrap().resources, 3);
    let whole = bucket.all();
    let unsigned = |key: &str| {
        let text = String::from_utf8(whole[key].clone()).unwrap();
        let body = text.split_once("\"signed\":").unwrap().1;
        body.trim_end().strip_suffix('}').unwrap().to_owned()
    };

    for key in ["history/0000000001.json", "history/0000000001.record.json"] {
        for text in
            [unsigned(key), String::from_utf8(whole[key].clone()).unwrap().replacen('3', "4", 1)]
        {
            bucket.set(key, text.as_bytes());
            let (history, record) = (store.history(1).await, store.state_after(1).await);
            let error = history.err().or(record.err()).unwrap();
            assert!(matches!(error, StoreError::Untrusted { .. }), "{key}: {error}");
        }
        bucket.set(key, &whole[key]);
    }
    let snapshot = whole.keys().find(|key| key.ends_with(".snapshot.json")).unwrap();
    bucket.set(snapshot, unsigned(snapshot).as_bytes());
    assert_untrusted(&bucket, &memory).await;
    bucket.set(snapshot, &whole[snapshot]);

    let forged = unsigned(LOCK)
        .replace("\"ada\"", "\"eve\"")
        .replace("\"released\": true", "\"released\": false");
    for text in [forged, whole["history/0000000001.json"].iter().map(|b| *b as char).collect()] {
        bucket.set(LOCK, text.as_bytes());
        let objects = signed(&bucket, 1, owner().uuid);
        let read = infra_state::lock::remote::read(&*objects, Some(&owner())).await;
        let clock = Arc::new(HandClock::new());
        let taken = RemoteLock::acquire(objects, clock, &owner(), &options("bob")).await;
        for error in [read.unwrap_err(), taken.unwrap_err()] {
            assert!(matches!(error, LockError::Store(StoreError::Untrusted { .. })), "{error}");
            assert!(!error.to_string().contains("eve"), "{error}");
        }
    }
}

#[tokio::test]
async fn a_record_from_before_counts_as_it_was_when_it_was_signed() {
    let bucket = Bucket::new();
    let remote = Arc::new(Remote::new(bucket.objects()));
    let lock = super::leases::take(&bucket, &HandClock::new(), "ada").await.unwrap();
    remote.fence(Arc::clone(lock.held()), &owner()).await.unwrap();
    let store = Store::open_unclaimed(remote, "lab", owner().uuid).await.unwrap();
    store.append([created("a"), created("b")]).await.unwrap();
    lock.release().await;
    let old = bucket.all();

    let objects = Arc::new(Signed::new(bucket.objects()));
    let before = objects.sums().await.unwrap();
    assert_eq!(before.keys().collect::<Vec<_>>(), [&segment(1), &segment(2), LOCK]);
    let seal = |before| Arc::new(Seal::new([1; KEY], owner().uuid, before));
    objects.set(seal(before.clone()));
    let clock = Arc::new(HandClock::new());
    let lock =
        RemoteLock::acquire(objects.clone(), clock, &owner(), &options("bob")).await.unwrap();
    let remote = Arc::new(Remote::new(objects.clone()));
    let backend: Arc<dyn Backend> = remote.clone();
    let store = Store::open_unclaimed(backend, "lab", owner().uuid).await.unwrap();
    remote.fence(Arc::clone(lock.held()), &owner()).await.unwrap();
    store.claim().await.unwrap();
    store.append([created("c")]).await.unwrap();
    assert_eq!(store.state().resources.len(), 3);
    lock.release().await;

    // What was there before may not be changed, and no more of it comes.
    let whole = bucket.all();
    for (key, bytes) in [
        (segment(2), old[&segment(1)].clone()),
        (segment(5), old[&segment(2)].clone()),
        (segment(4), old[&segment(2)].clone()),
    ] {
        bucket.set(&key, &bytes);
        let opened =
            Store::open_unclaimed(Arc::new(Remote::new(objects.clone())), "lab", owner().uuid);
        let error = opened.await.unwrap_err();
        assert!(matches!(error, StoreError::Untrusted { .. }), "{key}: {error}");
        match whole.get(&key) {
            Some(bytes) => bucket.set(&key, bytes),
            None => bucket.take(&key),
        }
    }
    // And without the key that signed it, it is not taken for one from before.
    let blind = Store::open_unclaimed(Arc::new(Remote::new(bucket.objects())), "lab", owner().uuid);
    assert!(blind.await.is_err());
    let unsealed = Arc::new(Signed::new(bucket.objects()));
    let blind = Store::open_unclaimed(Arc::new(Remote::new(unsealed)), "lab", owner().uuid).await;
    assert!(matches!(blind, Err(StoreError::Untrusted { .. })));
}
