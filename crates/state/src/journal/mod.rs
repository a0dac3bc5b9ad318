//! The journal: one JSON object a line, each with a number and a checksum, appended and flushed to
//! the disk before the effect it announces.

mod entry;
mod line;
mod read;

pub use entry::{Entry, Holder};
pub(crate) use line::check;
pub use line::seal;
pub use line::{JOURNAL_VERSION, encode};
pub use read::{JournalError, Journaled, read};
