//! Remembers how far this machine has seen the journal of a bucket come: a bucket that goes back
//! behind that was set back by somebody.

use super::seal::summed;
use crate::store::StoreError;

/// A place in the journal.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Mark {
    /// Number of the last journal object.
    pub number: u64,
    /// SHA-256 of what it says, where it was read or written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sum: Option<String>,
}

impl Mark {
    pub(super) fn of(number: u64, body: Option<&[u8]>) -> Self {
        Self { number, sum: body.map(summed) }
    }

    /// Refuses a journal that ends at `end`, or has another object at the mark's place.
    pub(super) fn check(
        &self,
        name: &str,
        end: u64,
        at_mark: Option<&[u8]>,
    ) -> Result<(), StoreError> {
        let (name, seen) = (name.to_owned(), self.number);
        if end < seen {
            return Err(StoreError::SetBack { name, seen, end });
        }
        match (&self.sum, at_mark) {
            (Some(sum), Some(body)) if *sum != summed(body) => {
                Err(StoreError::SetBack { name, seen, end: seen - 1 })
            }
            _ => Ok(()),
        }
    }
}

/// Remembers the place that was seen last, from one run to the next.
pub trait Watermark: Send + Sync {
    /// Returns it; `None`: nothing was seen yet.
    ///
    /// # Errors
    /// Returns an error if it cannot be read.
    fn seen(&self) -> Result<Option<Mark>, StoreError>;

    /// Notes a later one. If that fails, less is noticed by the next run; nothing else.
    fn note(&self, mark: &Mark);
}
