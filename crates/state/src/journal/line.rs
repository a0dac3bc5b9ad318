//! One line: `{"seq":7,"at":"…","entry":"ready",…,"crc":"1a2b3c4d"}`.
//!
//! The checksum is the CRC-32 of all bytes of the line before `,"crc":`, so that a line can be
//! checked without parsing it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Entry;

/// The format this program writes. A journal with a higher one is refused and left untouched.
pub const JOURNAL_VERSION: u32 = 1;

const TAIL_START: &[u8] = b",\"crc\":\"";
/// `,"crc":"` + 8 hex digits + `"}`.
const TAIL: usize = TAIL_START.len() + 8 + 2;

#[derive(Serialize, Deserialize)]
pub(super) struct Line {
    pub seq: u64,
    pub at: Timestamp,
    #[serde(flatten)]
    pub entry: Entry,
}

#[derive(Serialize)]
struct LineRef<'a> {
    seq: u64,
    at: Timestamp,
    #[serde(flatten)]
    entry: &'a Entry,
}

/// Encodes one line with its line feed.
///
/// # Errors
/// Returns an error if the entry cannot be written as JSON (a map with keys that are no strings).
pub fn encode(seq: u64, at: Timestamp, entry: &Entry) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = seal(serde_json::to_vec(&LineRef { seq, at, entry })?);
    bytes.push(b'\n');
    Ok(bytes)
}

/// Decodes a line without its line feed, or says what is wrong with it.
pub(super) fn decode(bytes: &[u8]) -> Result<Line, String> {
    check(bytes)?;
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// Adds a JSON object's checksum as last field.
pub fn seal(mut object: Vec<u8>) -> Vec<u8> {
    object.pop(); // the closing brace
    let crc = crc32fast::hash(&object);
    object.extend_from_slice(TAIL_START);
    object.extend_from_slice(format!("{crc:08x}\"}}").as_bytes());
    object
}

/// Checks that a sealed object is whole; if it is not, says what is wrong with it.
pub(crate) fn check(sealed: &[u8]) -> Result<(), String> {
    let Some(split) = sealed.len().checked_sub(TAIL) else {
        return Err("too short".to_owned());
    };
    let (body, tail) = sealed.split_at(split);
    let written = tail
        .strip_prefix(TAIL_START)
        .and_then(|rest| rest.strip_suffix(b"\"}"))
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .and_then(|digits| u32::from_str_radix(digits, 16).ok());
    let Some(written) = written else {
        return Err("it does not end in a checksum".to_owned());
    };
    let crc = crc32fast::hash(body);
    if crc == written {
        Ok(())
    } else {
        Err(format!("its checksum is {crc:08x}, but {written:08x} is written"))
    }
}
