//! The lock.

use std::{fs, time::Duration};

use infra_state::{Lock, LockError, LockOptions, journal::Holder};

fn options(host: &str) -> LockOptions {
    let holder = Holder { user: "ada".to_owned(), host: host.to_owned(), pid: 7 };
    LockOptions { holder, ..LockOptions::new("apply") }
}

#[tokio::test]
async fn the_second_one_hears_who_holds_it() {
    let folder = tempfile::tempdir().unwrap();
    let first = Lock::acquire(folder.path(), options("here")).await.unwrap();
    let error = Lock::acquire(folder.path(), options("here")).await.unwrap_err();
    assert!(error.to_string().contains("locked by ada@here pid 7 (apply) since"), "{error}");
    assert!(!first.lost().is_cancelled());
    drop(first);
    assert!(Lock::acquire(folder.path(), options("here")).await.unwrap().taken_over.is_none());
}

#[tokio::test]
async fn waiting_ends_when_it_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let first = Lock::acquire(folder.path(), options("here")).await.unwrap();
    let patient = LockOptions { timeout: Duration::from_secs(30), ..options("here") };
    let second = Lock::acquire(folder.path(), patient);
    let give_back = async {
        tokio::task::yield_now().await;
        drop(first);
    };
    let (second, ()) = tokio::join!(second, give_back);
    second.unwrap();
}

#[tokio::test]
async fn the_dead_are_taken_over_the_living_elsewhere_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let lease = |host: &str, until: &str| {
        let text = format!(
            r#"{{"version":1,"holder":{{"user":"ada","host":"{host}","pid":1}},"verb":"apply","acquired_at":"2026-01-01T00:00:00Z","expires_at":"{until}"}}"#
        );
        fs::write(folder.path().join("lock"), text).unwrap();
    };
    // This machine has no file lock on it: its process is gone.
    lease("here", "9999-01-01T00:00:00Z");
    let lock = Lock::acquire(folder.path(), options("here")).await.unwrap();
    assert!(lock.taken_over.is_some());
    drop(lock);
    lease("elsewhere", "9999-01-01T00:00:00Z");
    let held = Lock::acquire(folder.path(), options("here")).await;
    assert!(matches!(held, Err(LockError::Held { lease: Some(_) })));
    lease("elsewhere", "2026-01-01T00:01:00Z");
    drop(Lock::acquire(folder.path(), options("here")).await.unwrap());
    fs::write(folder.path().join("lock"), r#"{"version":2}"#).unwrap();
    let newer = Lock::acquire(folder.path(), options("here")).await;
    assert!(matches!(newer, Err(LockError::Newer { found: 2, .. })));
}

#[tokio::test]
async fn a_lost_lease_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let short = LockOptions { lease: Duration::from_millis(30), ..options("here") };
    let lock = Lock::acquire(folder.path(), short).await.unwrap();
    fs::write(folder.path().join("lock"), "").unwrap();
    lock.lost().cancelled().await;
}
