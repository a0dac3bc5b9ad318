//! Reading a journal back.

use infra_provider_api::Owner;
use uuid::Uuid;

use super::{
    Entry, JOURNAL_VERSION,
    line::{Line, decode},
};
use crate::resources::State;

/// Why a journal can't be used. Nothing is ever overwritten then.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum JournalError {
    /// A complete line is damaged.
    #[error("line {line} of the journal is damaged: {reason}")]
    Corrupt {
        /// Line, from 1.
        line: usize,
        /// What is wrong with it.
        reason: String,
    },
    /// A later version of this program wrote it.
    #[error("the journal has format {found}, this program reads up to {JOURNAL_VERSION}")]
    Newer {
        /// The format found.
        found: u32,
    },
    /// It belongs to another cluster.
    #[error("the journal belongs to cluster {cluster} ({uuid})")]
    OtherCluster {
        /// That cluster's name.
        cluster: String,
        /// That cluster's UUID.
        uuid: Uuid,
    },
}

/// What a journal holds.
#[derive(Clone, Debug, Default)]
pub struct Journaled {
    /// The state after its last complete line.
    pub record: State,
    /// Bytes up to the end of the last complete line. What follows was torn by a crash, and must be
    /// cut off before anything is appended.
    pub complete: u64,
    /// Lines read.
    pub lines: usize,
    /// Number of the last line that has one.
    last: Option<u64>,
}

/// Reads a journal on top of `record` (a snapshot); lines it already covers are skipped. The last
/// line may be torn: a crash while appending. Every other line has the number that follows the one
/// before, so that none can be lost, repeated or moved without being noticed.
///
/// # Errors
/// Returns a [`JournalError`].
pub fn read(bytes: &[u8], record: State, owner: &Owner) -> Result<Journaled, JournalError> {
    let mut read = Journaled { record, ..Journaled::default() };
    let mut rest = bytes;
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        read.lines += 1;
        // Some file systems leave zeros where a crash interrupted a write.
        if line.iter().all(|byte| *byte == 0) && after.iter().all(|byte| *byte == 0) {
            return Ok(read);
        }
        match decode(line) {
            Ok(line) => take(&mut read, &line, owner)?,
            Err(reason) => {
                // A newer format may differ in everything but its first line's `version`.
                if let Some(found) = newer(line) {
                    return Err(JournalError::Newer { found });
                }
                return Err(JournalError::Corrupt { line: read.lines, reason });
            }
        }
        read.complete += end as u64 + 1;
        rest = after;
    }
    Ok(read)
}

fn take(read: &mut Journaled, line: &Line, owner: &Owner) -> Result<(), JournalError> {
    let Line { seq, at, entry } = line;
    if let Entry::Opened { version, cluster, uuid, .. } = entry {
        if *version > JOURNAL_VERSION {
            return Err(JournalError::Newer { found: *version });
        }
        if *uuid != owner.uuid {
            return Err(JournalError::OtherCluster { cluster: cluster.clone(), uuid: *uuid });
        }
    } else if read.lines == 1 {
        let reason = "a journal begins with a line that says whose it is".to_owned();
        return Err(JournalError::Corrupt { line: 1, reason });
    } else {
        check_number(read, *seq)
            .map_err(|reason| JournalError::Corrupt { line: read.lines, reason })?;
        read.last = Some(*seq);
    }
    if *seq > read.record.serial {
        read.record.apply(entry, *at);
        read.record.serial = *seq;
    }
    Ok(())
}

/// Refuses a number that does not follow. A crash between writing a snapshot and emptying the
/// journal leaves lines that the snapshot covers: those may begin anywhere below its end.
fn check_number(read: &Journaled, seq: u64) -> Result<(), String> {
    let next = read.record.serial + 1;
    let follows = match read.last {
        None => (1..=next).contains(&seq),
        Some(last) => seq == last + 1 || (seq == next && seq > last),
    };
    if follows {
        return Ok(());
    }
    let wanted = read.last.map_or(next, |last| last + 1);
    Err(if seq < wanted {
        format!("it has number {seq} again, where {wanted} comes next")
    } else {
        format!("it has number {seq}, where {wanted} comes next: a line before it is missing")
    })
}

fn newer(line: &[u8]) -> Option<u32> {
    let value: serde_json::Value = serde_json::from_slice(line).ok()?;
    if value.get("entry")?.as_str()? != "opened" {
        return None;
    }
    let found = u32::try_from(value.get("version")?.as_u64()?).ok()?;
    (found > JOURNAL_VERSION).then_some(found)
}
