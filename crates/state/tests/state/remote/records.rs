//! The journal in a bucket.

use std::sync::Arc;

use infra_provider_api::{Phase, RawJson};
use infra_state::{
    ResourceState, Store, StoreError,
    journal::{Entry, JournalError},
    lock::remote::LOCK,
    store::remote::Remote,
};
use serde_json::json;
use uuid::Uuid;

use super::{
    bucket::{Bucket, Wrong},
    clock::HandClock,
    fences::session,
    leases::owner,
};

pub fn created(name: &str) -> Entry {
    Entry::Created(ResourceState {
        address: format!("box.{name}").parse().unwrap(),
        id: format!("id-{name}"),
        generation: 1,
        spec: json!({"a": 1.5}).into(),
        outputs: RawJson::default(),
        needs: vec![],
        phase: Phase::Infra,
        protect: false,
        ready: true,
    })
}

async fn open(bucket: &Bucket) -> Result<Store, StoreError> {
    let remote = Arc::new(Remote::new(bucket.objects()));
    Store::open_unclaimed(remote, "lab", owner().uuid).await
}

#[tokio::test]
async fn what_is_appended_is_there_after_opening_again() {
    for wrong in [Wrong::Nothing, Wrong::RepeatsWrites] {
        let bucket = Bucket::new();
        bucket.goes_wrong(wrong);
        let run = session(&bucket, &HandClock::new(), "ada").await;
        for name in ["a", "b", "c"] {
            run.store.append([created(name)]).await.unwrap();
        }
        let record = run.store.state();
        assert_eq!(record.resources.len(), 3);
        assert_eq!(open(&bucket).await.unwrap().state(), record);
        run.store.compact().await.unwrap();
        assert_eq!(open(&bucket).await.unwrap().state(), record);
        run.store.append([created("d")]).await.unwrap();
        run.store.compact().await.unwrap();
        run.store.append([created("e")]).await.unwrap();
        assert_eq!(open(&bucket).await.unwrap().state().resources.len(), 5);
        run.lock.release().await;
        let next = session(&bucket, &HandClock::new(), "bob").await;
        assert_eq!(next.store.state().resources.len(), 5);
    }
}

#[tokio::test]
async fn those_that_wait_together_share_a_call() {
    let bucket = Bucket::new();
    let run = session(&bucket, &HandClock::new(), "ada").await;
    bucket.calls();
    let names: Vec<String> = (0..100).map(|number| number.to_string()).collect();
    let appends = names.iter().map(|name| run.store.append([created(name)]));
    futures::future::try_join_all(appends).await.unwrap();
    assert_eq!(run.store.state().resources.len(), 100);
    assert!(bucket.calls() <= 2, "one for the first, one for all that came meanwhile");
}

#[tokio::test]
async fn many_runs_leave_few_objects() {
    let bucket = Bucket::new();
    for run in 0..150 {
        let now = session(&bucket, &HandClock::new(), "ada").await;
        for step in 0..3 {
            now.store.append([created(&format!("{run}-{step}"))]).await.unwrap();
        }
        now.store.compact_if_grown().await.unwrap();
        now.lock.release().await;
    }
    let objects = bucket.keys("journal/").len();
    assert!(objects < 64 + 64, "{objects} objects");
    bucket.calls();
    assert_eq!(open(&bucket).await.unwrap().state().resources.len(), 450);
    let calls = bucket.calls();
    assert!(calls < 64, "{calls} calls to open it");
}

#[tokio::test]
async fn what_is_damaged_missing_newer_or_anothers_is_refused_and_left_alone() {
    let bucket = Bucket::new();
    let run = session(&bucket, &HandClock::new(), "ada").await;
    for name in ["a", "b", "c"] {
        run.store.append([created(name)]).await.unwrap();
    }
    run.lock.release().await;
    let key = "journal/000000000003.jsonl";
    let whole = bucket.all()[key].clone();

    let mut flipped = whole.clone();
    flipped[20] ^= 1;
    bucket.set(key, &flipped);
    let before = bucket.all();
    let error = open(&bucket).await.unwrap_err();
    let corrupt =
        matches!(&error, StoreError::Journal { source: JournalError::Corrupt { line: 3, .. }, .. });
    assert!(corrupt, "{error}");
    assert_eq!(bucket.all(), before);

    bucket.take(key);
    let error = open(&bucket).await.unwrap_err();
    assert!(error.to_string().contains("segment 3 is missing"), "{error}");

    bucket.set(key, b"{\"entry\":\"opened\",\"version\":9,\"whatever\":true}\n");
    let error = open(&bucket).await.unwrap_err();
    assert!(matches!(error, StoreError::Journal { source: JournalError::Newer { found: 9 }, .. }));

    bucket.set(key, &whole);
    open(&bucket).await.unwrap();
    let remote = Arc::new(Remote::new(bucket.objects()));
    let other = Store::open_unclaimed(remote, "prod", Uuid::from_u128(8)).await;
    assert!(matches!(other, Err(StoreError::OtherCluster { .. })));
    bucket.set("identity.json", br#"{"version":9}"#);
    assert!(matches!(open(&bucket).await, Err(StoreError::Newer { found: 9, .. })));
}

#[tokio::test]
async fn a_compaction_that_is_cut_off_anywhere_loses_nothing() {
    let bucket = Bucket::new();
    let run = session(&bucket, &HandClock::new(), "ada").await;
    for name in ["a", "b", "c"] {
        run.store.append([created(name)]).await.unwrap();
    }
    let before = bucket.all();
    run.store.compact().await.unwrap();
    let after = bucket.all();
    let record = run.store.state();
    run.lock.release().await;
    // The snapshot is there, the old segments are still (in part) there, too.
    let gone: Vec<&String> = before.keys().filter(|key| !after.contains_key(*key)).collect();
    assert!(!gone.is_empty());
    for back in 0..=gone.len() {
        let cut = Bucket::new();
        for (key, bytes) in after.iter().filter(|(key, _)| *key != LOCK) {
            cut.set(key, bytes);
        }
        for key in &gone[back..] {
            cut.set(key, &before[*key]);
        }
        assert_eq!(open(&cut).await.unwrap().state(), record);
        // Also without the line that begins the new journal.
        cut.take("journal/000000000005.jsonl");
        assert_eq!(open(&cut).await.unwrap().state(), record);
        let next = session(&cut, &HandClock::new(), "bob").await;
        next.store.append([created("d")]).await.unwrap();
        assert_eq!(open(&cut).await.unwrap().state().resources.len(), 4);
    }
}
