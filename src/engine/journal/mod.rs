//! The journal: one JSON object a line, each with a number and a checksum, appended and flushed to
//! the disk before the effect it announces.

mod entry;
mod line;
mod read;

pub use entry::{Entry, Holder};
pub use line::{JOURNAL_VERSION, encode};
pub(crate) use line::{check, seal};
pub use read::{JournalError, Journaled, read};
