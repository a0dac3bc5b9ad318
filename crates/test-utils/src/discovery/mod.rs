//! Google's discovery documents as a judge of HTTP traffic: what a client sends and what the embedded
//! cloud answers must fit the documents that the vendor publishes.
//!
//! The documents come with the Python package `google-api-python-client`. Where there are none,
//! [`Discovery::find`] returns `None`, and the caller says loudly what it skips.

mod document;
mod envelope;
mod exchange;
mod folder;
mod formats;
mod log;
mod numbers;
mod parameters;
mod schema;
mod text;

#[cfg(test)]
mod real;
#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;

use std::sync::OnceLock;

use serde_json::Value;

use document::{Document, Found};

pub use exchange::Exchange;
pub use log::{Log, check_log, check_log_answers};

/// The APIs whose calls infra makes.
pub const APIS: [&str; 5] =
    ["container.v1", "compute.v1", "dns.v1", "iam.v1", "cloudresourcemanager.v1"];

/// The documents of some APIs.
#[derive(Debug)]
pub struct Discovery {
    documents: Vec<Document>,
}

impl Discovery {
    /// Makes a judge from documents.
    pub fn new(documents: impl IntoIterator<Item = Value>) -> Self {
        Self { documents: documents.into_iter().map(Document::new).collect() }
    }

    /// Returns the vendor's documents of [`APIS`], which are read once; `None` where there are none.
    ///
    /// # Panics
    /// Panics if `INFRA_DISCOVERY` names a folder in which one of them is not.
    pub fn find() -> Option<&'static Self> {
        static FOUND: OnceLock<Option<Discovery>> = OnceLock::new();
        let read = || folder::find().map(|folder| Self::new(folder::read(&folder, &APIS)));
        FOUND.get_or_init(read).as_ref()
    }

    /// Returns the id of the method that a call is, such as `container.projects.locations.clusters.get`.
    pub fn method(&self, method: &str, path: &str) -> Option<&str> {
        let (found, _) = self.candidates(method, path).ok()?;
        found.first().map(|one| one.method_id())
    }

    /// Checks a call and its answer. Returns a sentence for each violation.
    pub fn check(&self, exchange: &Exchange) -> Vec<String> {
        self.judge(exchange, true, true)
    }

    /// Checks what was sent, and nothing of the answer.
    pub fn check_request(&self, exchange: &Exchange) -> Vec<String> {
        self.judge(exchange, true, false)
    }

    /// Checks what was answered, and of the call no more than that there is one: a refusal of a bad
    /// request may be a good one.
    pub fn check_answer(&self, exchange: &Exchange) -> Vec<String> {
        self.judge(exchange, false, true)
    }

    fn judge(&self, exchange: &Exchange, request: bool, answer: bool) -> Vec<String> {
        let named = |said: String| format!("{} {}: {said}", exchange.method, exchange.path);
        let (found, query) = match self.candidates(&exchange.method, &exchange.path) {
            Ok(found) => found,
            Err(why) => return vec![named(why)],
        };
        // Two APIs may know the same path; it is the call of the one that it fits.
        let verdicts = found.iter().map(|one| {
            let mut said = Vec::new();
            if request {
                said.extend(one.request(&query, exchange.body.as_ref()));
            }
            if answer {
                said.extend(one.answer(&query, exchange));
            }
            said
        });
        let said = verdicts.min_by_key(Vec::len).unwrap_or_default();
        said.into_iter().map(named).collect()
    }

    /// Finds the methods that a call may be, and reads its query.
    fn candidates(
        &self,
        method: &str,
        path: &str,
    ) -> Result<(Vec<Found<'_>>, text::Query), String> {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let mut found = Vec::new();
        let mut others = Vec::new();
        for document in &self.documents {
            document.find(method, path, &mut found, &mut others);
        }
        // A path without variables is a nearer fit than one with them.
        let nearest = found.iter().map(Found::literals).max().unwrap_or_default();
        found.retain(|one| one.literals() == nearest);
        if !found.is_empty() {
            return Ok((found, text::query(query)?));
        }
        others.sort_unstable();
        others.dedup();
        Err(match others.as_slice() {
            [] => "no document knows this path".to_owned(),
            known => format!("the path is known for {} only", known.join(", ")),
        })
    }
}
