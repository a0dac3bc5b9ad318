//! Recorder: it remembers which events exist, so that old ones can be deleted.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde_json::Value;

use super::object::ObjectExt;

/// How many events are kept; a real cluster forgets them after an hour.
const KEPT: usize = 4000;

/// Remembers which events were written, oldest first.
#[derive(Default)]
pub struct Recorder {
    written: Mutex<VecDeque<(String, String)>>,
}

impl Recorder {
    /// Remembers an event that exists already, from before a restart.
    pub fn known(&self, event: &Value) {
        self.written
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push_back((event.ns().to_owned(), event.name().to_owned()));
    }

    /// Remembers a new event; returns the one that is too old to be kept, if there is one.
    pub fn push(&self, ns: &str, name: &str) -> Option<(String, String)> {
        let mut list = self.written.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        list.push_back((ns.to_owned(), name.to_owned()));
        if list.len() > KEPT { list.pop_front() } else { None }
    }
}
