//! The log: one JSON line a transaction, so that a torn tail loses a whole one or nothing.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::SimError;

/// A row that came, changed or went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Change {
    /// The table.
    #[serde(rename = "k")]
    pub kind: String,
    /// The row's key.
    #[serde(rename = "s")]
    pub seq: u64,
    /// The row; `None` when it went.
    #[serde(rename = "r", default, skip_serializing_if = "Option::is_none")]
    pub row: Option<serde_json::Value>,
}

/// The first line of a log: refuses files of a newer version.
#[derive(Serialize, Deserialize)]
struct Header {
    world: u32,
}

const VERSION: u32 = 1;

/// An open log.
pub(super) struct Log {
    path: PathBuf,
    file: File,
    length: u64,
    /// Lines that could not be written yet (a full disk); written before the next.
    pending: Vec<u8>,
}

impl Log {
    /// Reads a log line by line and opens it for appending. A torn last line is cut off.
    pub(super) fn open(
        path: &Path,
        mut apply: impl FnMut(Change) -> Result<(), serde_json::Error>,
    ) -> Result<Self, SimError> {
        let bad = |line: u64, reason: String| SimError::Record {
            path: path.to_owned(),
            reason: format!("line {line}: {reason}"),
        };
        let io = |e| SimError::io("read", path, e);
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .mode(0o600)
            .open(path)
            .map_err(io)?;
        let mut reader = BufReader::new(&file);
        let (mut length, mut number, mut line) = (0u64, 0u64, Vec::new());
        loop {
            line.clear();
            let read = reader.read_until(b'\n', &mut line).map_err(io)?;
            if read == 0 || line.last() != Some(&b'\n') {
                break;
            }
            number += 1;
            if number == 1 {
                let header: Header = serde_json::from_slice(&line)
                    .map_err(|e| bad(1, format!("not a record of an embedded cloud: {e}")))?;
                if header.world > VERSION {
                    return Err(bad(
                        1,
                        format!(
                            "version {} was written by a newer program (this one knows {VERSION})",
                            header.world
                        ),
                    ));
                }
            } else {
                let changes: Vec<Change> =
                    serde_json::from_slice(&line).map_err(|e| bad(number, e.to_string()))?;
                for change in changes {
                    apply(change).map_err(|e| bad(number, e.to_string()))?;
                }
            }
            length += read as u64;
        }
        drop(reader);
        file.set_len(length).map_err(|e| SimError::io("write", path, e))?;
        let mut log = Self { path: path.to_owned(), file, length, pending: Vec::new() };
        if length == 0 {
            log.pending = header();
        }
        Ok(log)
    }

    /// Appends one transaction.
    pub(super) fn append(&mut self, changes: &[Change]) -> std::io::Result<()> {
        if !changes.is_empty() {
            serde_json::to_writer(&mut self.pending, changes)?;
            self.pending.push(b'\n');
        }
        match self.file.write_all(&self.pending) {
            Ok(()) => {
                self.length += self.pending.len() as u64;
                self.pending.clear();
                Ok(())
            }
            Err(e) => {
                // Half a line must not stay in front of the next one.
                self.file.set_len(self.length)?;
                Err(e)
            }
        }
    }

    /// Returns the bytes in the file.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// Replaces the log by one with just these rows.
    pub(super) fn compact(&mut self, rows: &[Change]) -> Result<(), SimError> {
        let mut text = header();
        for chunk in rows.chunks(100) {
            serde_json::to_writer(&mut text, chunk)
                .map_err(|e| SimError::Record { path: self.path.clone(), reason: e.to_string() })?;
            text.push(b'\n');
        }
        crate::files::write_private(&self.path, &text)?;
        self.file = OpenOptions::new()
            .read(true)
            .append(true)
            .open(&self.path)
            .map_err(|e| SimError::io("open", &self.path, e))?;
        self.length = text.len() as u64;
        self.pending.clear();
        Ok(())
    }
}

fn header() -> Vec<u8> {
    format!("{{\"world\":{VERSION}}}\n").into_bytes()
}
