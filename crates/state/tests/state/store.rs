//! The store on a disk: torn, damaged, from another time or place.

use std::{fs, os::unix::fs::PermissionsExt, path::Path};

use infra_provider_api::{Phase, RawJson};
use infra_state::{
    ResourceState, Store, StoreError,
    journal::{Entry, JournalError},
};
use proptest::prelude::*;
use serde_json::json;
use uuid::Uuid;

const CLUSTER: Uuid = Uuid::from_u128(7);

async fn open(folder: &Path) -> Result<Store, StoreError> {
    Store::open(folder, "test", CLUSTER).await
}

fn created(name: &str) -> Entry {
    Entry::Created(ResourceState {
        address: format!("box.{name}").parse().unwrap(),
        id: format!("id-{name}"),
        generation: 1,
        spec: json!({"a": 1.5, "b": [null, "ü"]}).into(),
        outputs: RawJson::default(),
        needs: vec![],
        phase: Phase::Infra,
        protect: false,
        ready: true,
    })
}

#[tokio::test]
async fn what_is_appended_is_there_after_opening_again() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    let appends = ["a", "b", "c"].map(|name| store.append([created(name)]));
    futures::future::try_join_all(appends).await.unwrap();
    let record = store.state();
    assert_eq!(record.resources.len(), 3);
    assert_eq!(open(folder.path()).await.unwrap().state(), record);
    store.compact().await.unwrap();
    assert_eq!(open(folder.path()).await.unwrap().state(), record);
    store.append([created("d")]).await.unwrap();
    assert_eq!(open(folder.path()).await.unwrap().state().resources.len(), 4);
    for name in ["identity.json", "journal", "snapshot.json"] {
        let mode = fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn a_torn_last_line_is_cut_off_by_the_next_append() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    open(folder.path()).await.unwrap().append([created("a")]).await.unwrap();
    let whole = fs::read(&journal).unwrap();
    open(folder.path()).await.unwrap().append([created("b")]).await.unwrap();
    let both = fs::read(&journal).unwrap();
    for length in whole.len() + 1..both.len() {
        fs::write(&journal, &both[..length]).unwrap();
        let store = open(folder.path()).await.unwrap();
        assert_eq!(store.state().resources.len(), 1, "at {length}");
    }
    let store = open(folder.path()).await.unwrap();
    store.append([created("c")]).await.unwrap();
    let names: Vec<_> =
        open(folder.path()).await.unwrap().state().resources.keys().cloned().collect();
    assert_eq!(names, ["box.a".parse().unwrap(), "box.c".parse().unwrap()]);
}

#[tokio::test]
async fn a_damaged_line_is_named_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    let store = open(folder.path()).await.unwrap();
    store.append([created("a"), created("b")]).await.unwrap();
    let text = fs::read_to_string(&journal).unwrap().replacen("id-a", "id-x", 1);
    fs::write(&journal, &text).unwrap();
    let error = open(folder.path()).await.unwrap_err();
    let StoreError::Journal { source: JournalError::Corrupt { line, .. }, .. } = &error else {
        panic!("{error}");
    };
    assert_eq!(*line, 2);
    assert!(error.hint().unwrap().contains("adopted"));
    assert_eq!(fs::read_to_string(&journal).unwrap(), text);
}

#[tokio::test]
async fn newer_ones_and_other_clusters_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let journal = folder.path().join("journal");
    open(folder.path()).await.unwrap();
    fs::write(&journal, "{\"entry\":\"opened\",\"version\":9,\"whatever\":true}\n{}\n").unwrap();
    let error = open(folder.path()).await.unwrap_err();
    assert!(matches!(error, StoreError::Journal { source: JournalError::Newer { found: 9 }, .. }));
    assert!(fs::read_to_string(&journal).unwrap().ends_with("{}\n"));
    fs::remove_file(&journal).unwrap();
    fs::write(folder.path().join("snapshot.json"), "{\"version\":9}").unwrap();
    assert!(matches!(open(folder.path()).await, Err(StoreError::Newer { found: 9, .. })));
    let other = Store::open(folder.path(), "prod", CLUSTER).await;
    assert!(matches!(other, Err(StoreError::OtherCluster { .. })));
}

proptest! {
    /// No input makes the reader panic, and none is taken for more than it is.
    #[test]
    fn any_bytes_can_be_read(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let owner = infra_provider_api::Owner { cluster: "test".to_owned(), uuid: CLUSTER };
        let read = infra_state::journal::read(&bytes, Default::default(), &owner);
        prop_assert!(read.map_or(true, |read| read.record.resources.is_empty()));
    }
}

#[tokio::test]
async fn what_another_run_wrote_while_this_one_waited_is_read_before_writing() {
    let folder = tempfile::tempdir().unwrap();
    let waits = open(folder.path()).await.unwrap();
    let runs = open(folder.path()).await.unwrap();
    runs.append([created("a"), created("b")]).await.unwrap();
    runs.compact().await.unwrap();
    waits.claim().await.unwrap();
    waits.append([created("c")]).await.unwrap();
    assert_eq!(open(folder.path()).await.unwrap().state().resources.len(), 3);
}

/// Opens a journal whose lines were put together again.
async fn reopened(folder: &Path, lines: &[&str]) -> Result<Store, StoreError> {
    fs::write(folder.join("journal"), format!("{}\n", lines.join("\n"))).unwrap();
    open(folder).await
}

#[tokio::test]
async fn a_line_that_is_missing_moved_or_there_twice_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    for name in ["a", "b", "c"] {
        store.append([created(name)]).await.unwrap();
    }
    let text = fs::read_to_string(folder.path().join("journal")).unwrap();
    let [opened, a, b, c] = text.lines().collect::<Vec<_>>().try_into().unwrap();
    for (lines, wanted, why) in [
        (vec![opened, b, c], 2, "it has number 2, where 1 comes next: a line before it is missing"),
        (vec![opened, a, c], 3, "it has number 3, where 2 comes next: a line before it is missing"),
        (
            vec![opened, a, c, b],
            3,
            "it has number 3, where 2 comes next: a line before it is missing",
        ),
        (vec![opened, a, a, b, c], 3, "it has number 1 again, where 2 comes next"),
        (vec![opened, a, b, c, b], 5, "it has number 2 again, where 4 comes next"),
    ] {
        let error = reopened(folder.path(), &lines).await.unwrap_err();
        let StoreError::Journal { source: JournalError::Corrupt { line, reason }, .. } = &error
        else {
            panic!("{error}");
        };
        assert_eq!((*line, reason.as_str()), (wanted, why));
    }
    reopened(folder.path(), &[opened, a, b, c]).await.unwrap();
}

#[tokio::test]
async fn lines_that_a_snapshot_covers_need_not_be_whole_but_those_after_it_do() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    for name in ["a", "b", "c"] {
        store.append([created(name)]).await.unwrap();
    }
    let text = fs::read_to_string(folder.path().join("journal")).unwrap();
    store.compact().await.unwrap();
    let begun = fs::read_to_string(folder.path().join("journal")).unwrap();
    store.append([created("d"), created("e")]).await.unwrap();
    let after = fs::read_to_string(folder.path().join("journal")).unwrap();
    let [opened, a, b, c] = text.lines().collect::<Vec<_>>().try_into().unwrap();
    let [_, d, e] = after.lines().collect::<Vec<_>>().try_into().unwrap();
    // A crash between the snapshot and the empty journal, and what the next run appended.
    for lines in [vec![opened, a, b, c], vec![opened, b, c]] {
        assert_eq!(reopened(folder.path(), &lines).await.unwrap().state().resources.len(), 3);
        let more = [lines, vec![d, e]].concat();
        assert_eq!(reopened(folder.path(), &more).await.unwrap().state().resources.len(), 5);
    }
    for lines in [vec![begun.trim_end(), e], vec![opened, a, b, c, e], vec![opened, a, b, c, d, d]]
    {
        let error = reopened(folder.path(), &lines).await.unwrap_err();
        assert!(matches!(error, StoreError::Journal { .. }), "{error}");
    }
}

#[tokio::test]
async fn after_a_write_that_was_cut_off_nothing_more_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path()).await.unwrap();
    store.append([created("a")]).await.unwrap();
    {
        let mut cut = Box::pin(store.append([created("b")]));
        assert!(futures::poll!(&mut cut).is_pending());
    }
    let error = store.append([created("c")]).await.unwrap_err();
    assert!(error.to_string().contains("an earlier write was cut off"), "{error}");
    let again = open(folder.path()).await.unwrap();
    assert!(again.state().resources.len() <= 2);
}
