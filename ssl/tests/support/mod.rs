#![allow(dead_code)]
use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Command, Output};

use infra_ssl::{DAY_SECONDS, PkiSpec, Validity};
use jiff::{SignedDuration, Timestamp};

pub fn t0() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

pub fn day(n: i64) -> Timestamp {
    t0() + SignedDuration::from_secs(n * DAY_SECONDS)
}

pub fn spec() -> PkiSpec {
    PkiSpec::new("demo").with_server("https://203.0.113.10:6443").with_validity(Validity {
        ca_days: 3650,
        leaf_days: 365,
        renew_before_days: 30,
    })
}

/// Name, bytes and mode of every file of a folder.
pub fn snapshot(dir: &Path) -> BTreeMap<String, (Vec<u8>, u32)> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::read_dir(dir)
        .unwrap()
        .map(|e| {
            let e = e.unwrap();
            let mode = e.metadata().unwrap().permissions().mode() & 0o777;
            let bytes = std::fs::read(e.path()).unwrap();
            (e.file_name().to_string_lossy().into_owned(), (bytes, mode))
        })
        .collect()
}

pub fn actions(changes: &[infra_ssl::Change]) -> Vec<String> {
    changes.iter().map(|c| format!("{} {}", c.action, c.name)).collect()
}

/// Runs openssl; `None`, loudly, when this machine has none.
pub fn openssl(args: &[&str]) -> Option<Output> {
    match Command::new("openssl").args(args).output() {
        Ok(out) => Some(out),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            eprintln!(
                "SKIPPED: there is no `openssl` in PATH; `openssl {}` was not run",
                args.join(" ")
            );
            None
        }
        Err(e) => panic!("openssl: {e}"),
    }
}
