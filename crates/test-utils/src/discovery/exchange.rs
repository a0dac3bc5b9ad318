//! Exchange: one HTTP call with its answer, as a line of a log.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// One call and its answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    /// The method, in capitals.
    pub method: String,
    /// The path with its query, still percent-encoded: `/v1/projects/p/locations/-/clusters?alt=json`.
    pub path: String,
    /// The request's body; a body that is no JSON is a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The answer's status; absent where the answer was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The answer's body; a body that is no JSON is a text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
}

impl Exchange {
    /// Describes a call without a body.
    pub fn new(method: &str, path: &str) -> Self {
        Self { method: method.to_owned(), path: path.to_owned(), ..Self::default() }
    }

    /// Adds the request's body.
    #[must_use]
    pub fn sent(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Adds the answer.
    #[must_use]
    pub fn answered(mut self, status: u16, answer: Value) -> Self {
        self.status = Some(status);
        self.answer = Some(answer);
        self
    }
}
