//! Remembers what this machine knows of a signed state: its key, and how far the journal had come.
//!
//! The key lies next to the working copy, which holds the keys of the cluster's authorities: whoever
//! reads the one reads the other.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::working_copy;
use crate::{
    StoreError,
    error::{StateError, StateErrorKind},
    layout::ClusterLayout,
    store::remote::{KEY, Mark, Watermark},
};

const FILE: &str = "signing.json";
const VERSION: u64 = 1;

/// `.infra/<cluster>/signing.json`.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Pin {
    version: u64,
    /// Where the state is.
    pub url: String,
    /// The cluster's UUID.
    pub uuid: Uuid,
    /// The key of its signatures, in hex.
    key: String,
    /// Which key it is: a later one takes its place when somebody leaves `recipients`.
    #[serde(default)]
    pub generation: u64,
    /// The last place of the journal that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seen: Option<Mark>,
}

impl Pin {
    pub(super) fn new(url: &str, uuid: Uuid, generation: u64, key: &[u8; KEY]) -> Self {
        let (url, key) = (url.to_owned(), hex::encode(key));
        Self { version: VERSION, url, uuid, key, generation, seen: None }
    }

    /// Takes the key of a later generation.
    pub(super) fn take(&mut self, generation: u64, key: &[u8; KEY]) {
        (self.generation, self.key) = (generation, hex::encode(key));
    }

    /// Returns the key.
    pub(super) fn key(&self) -> Option<[u8; KEY]> {
        hex::decode(&self.key).ok()?.try_into().ok()
    }
}

/// The file of a pin.
#[derive(Clone, Debug)]
pub(super) struct PinFile {
    path: PathBuf,
    url: String,
}

impl PinFile {
    /// Makes the pin of the state at `url`.
    pub(super) fn of(layout: &ClusterLayout, url: &str) -> Self {
        Self { path: layout.state.join(FILE), url: url.to_owned() }
    }

    /// Returns its path, for people.
    pub(super) fn shown(&self) -> String {
        self.path.display().to_string()
    }

    /// Reads the pin; `None`: this machine has not seen a signed state there.
    ///
    /// # Errors
    /// Returns an error if it cannot be read, is damaged or is from a newer version.
    pub(super) fn read(&self) -> Result<Option<Pin>, StateError> {
        let bad = |why: String| {
            StateError::new(StateErrorKind::Damaged, format!("{}: {why}", self.shown()))
        };
        let Some(bytes) = working_copy::read(&self.path)? else { return Ok(None) };
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| bad(error.to_string()))?;
        if value["version"].as_u64().is_some_and(|found| found > VERSION) {
            return Err(bad("a newer version of infra wrote it".into()));
        }
        // Not what is wrong with it: that could quote the key.
        let pin: Pin =
            serde_json::from_value(value).map_err(|_| bad("it is damaged".to_owned()))?;
        if pin.key().is_none() {
            return Err(bad("it is damaged".to_owned()));
        }
        Ok(Some(pin).filter(|pin| pin.url == self.url))
    }

    /// Writes a pin.
    ///
    /// # Errors
    /// Returns an error if it cannot be written.
    pub(super) fn write(&self, pin: &Pin) -> Result<(), StateError> {
        let bytes = serde_json::to_vec_pretty(pin).map_err(StateError::local)?;
        working_copy::write(&self.path, &bytes, infra_ssl::files::SECRET_MODE)
    }

    /// Removes it: the state was moved away from there.
    ///
    /// # Errors
    /// Returns an error if it cannot be removed.
    pub(super) fn remove(&self) -> Result<(), StateError> {
        match self.read()? {
            Some(_) => working_copy::remove(&self.path),
            None => Ok(()),
        }
    }
}

impl Watermark for PinFile {
    fn seen(&self) -> Result<Option<Mark>, StoreError> {
        match self.read() {
            Ok(pin) => Ok(pin.and_then(|pin| pin.seen)),
            Err(failure) => {
                Err(StoreError::Damaged { name: self.shown(), reason: failure.message })
            }
        }
    }

    fn note(&self, mark: &Mark) {
        let Ok(Some(mut pin)) = self.read() else { return };
        let is_later = match &pin.seen {
            None => true,
            Some(seen) => {
                mark.number > seen.number
                    || (mark.number == seen.number && seen.sum.is_none() && mark.sum.is_some())
            }
        };
        if is_later {
            pin.seen = Some(mark.clone());
            // If it can't be written, the next run notices less; nothing else.
            let _ = self.write(&pin);
        }
    }
}
