//! What fuzzers call: the readers of everything that comes from outside, on any bytes. None may
//! panic. `tests/fuzz` runs them on changed seeds in every test run, `fuzz/` under cargo-fuzz.

use std::path::Path;

use infra_provider_api::Owner;
use serde_json::Value;
use uuid::Uuid;

use crate::{
    config::{self, Options},
    engine::{Observations, Plan, plan::Steps},
    state::{State, journal, store::read_snapshot},
    ui::{PlanView, plan_text},
};

/// Parses, overlays, checks and resolves infra.toml; it also renders the report of what is wrong.
pub fn infra_toml(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    for environment in [None, Some("prod".to_owned())] {
        let options = Options { environment, ..Options::default() };
        match config::read(Path::new("infra.toml"), text, &options) {
            Ok(project) => drop(project.cluster.nodes().len()),
            // The whole report, with the places in the text.
            Err(error) => drop(error.to_string()),
        }
    }
}

/// Reads the bytes as a journal and as the snapshot that a journal continues. It reads them again
/// with corrected checksums, so that the code behind the checksum test is reached as well.
pub fn journal(bytes: &[u8]) {
    let owner = owner_of(bytes);
    read_journal(bytes, &owner);
    read_journal(&resealed(bytes), &owner);
    for bytes in [bytes, &resealed(bytes)] {
        drop(read_snapshot(bytes.trim_ascii_end(), "snapshot.json", &owner));
    }
}

fn read_journal(bytes: &[u8], owner: &Owner) {
    let Ok(read) = journal::read(bytes, State::default(), owner) else { return };
    let length = bytes.len() as u64;
    assert!(read.complete <= length, "{} bytes of {length} are complete", read.complete);
    // What follows the complete lines adds nothing: cutting it off gives the same record.
    let complete = usize::try_from(read.complete).unwrap_or(bytes.len());
    let again = journal::read(&bytes[..complete], State::default(), owner);
    assert!(again.is_ok_and(|again| again.record == read.record), "the torn end matters");
}

/// Finds the owner that a journal or a snapshot names; the nil UUID stands for a missing one.
fn owner_of(bytes: &[u8]) -> Owner {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let value: Value = serde_json::from_slice(line).unwrap_or_default();
    let uuid = value.get("uuid").or_else(|| value.pointer("/owner/uuid"));
    let uuid = uuid.and_then(Value::as_str).and_then(|text| text.parse().ok());
    Owner { cluster: "demo".to_owned(), uuid: uuid.unwrap_or(Uuid::nil()) }
}

fn resealed(bytes: &[u8]) -> Vec<u8> {
    const TAIL: usize = ",\"crc\":\"00000000\"}".len();
    let mut all = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let (text, end) = match line.strip_suffix(b"\n") {
            Some(text) => (text, &b"\n"[..]),
            None => (line, &b""[..]),
        };
        match text.len().checked_sub(TAIL) {
            Some(body) => {
                let mut object = text[..body].to_vec();
                object.push(b'}');
                all.extend(journal::seal(object));
            }
            None => all.extend(text),
        }
        all.extend(end);
    }
    all
}

/// Reads a plan file, orders its changes as an apply does, shows it, compares it and writes it
/// again.
pub fn plan_file(bytes: &[u8]) {
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    let owner = value.get("owner").cloned().and_then(|owner| serde_json::from_value(owner).ok());
    let owner = owner.unwrap_or(Owner { cluster: "demo".to_owned(), uuid: Uuid::nil() });
    let Ok(plan) = Plan::from_json(bytes, &owner) else { return };
    drop(Steps::of(&plan.changes, &plan.options.machine_kinds));
    for verbose in [false, true] {
        drop(plan_text(&plan, PlanView { verbose }));
    }
    drop(plan.check_fresh(&[], &Observations::default(), &State::default()));
    let written = plan.to_json().unwrap_or_default();
    assert!(Plan::from_json(&written, &owner).is_ok(), "what is written can be read");
}
