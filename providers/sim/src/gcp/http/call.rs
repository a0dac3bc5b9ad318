//! A call, as its handler sees it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use serde_json::Value;

use super::{Refusal, Shape};
use crate::faults::{Effect, Fault};

/// Lists lag this long behind when a fault says so and gives no time.
const STALE_DEFAULT: Duration = Duration::from_secs(10);

/// The parameters of a query, in order.
#[derive(Debug, Clone, Default)]
pub struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the text behind the `?`.
    pub fn parse(text: &str) -> Self {
        Self(url::form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Returns a parameter's value; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(k, v)| k == name && !v.is_empty()).map(|(_, v)| v.as_str())
    }

    /// Adds a parameter.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.push((name.to_owned(), value.to_owned()));
    }

    /// Lists the names of all parameters.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(k, _)| k.as_str())
    }

    /// Returns all values of a parameter.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(k, _)| k == name).map(|(_, v)| v.as_str())
    }
}

/// A call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The call's id, as answers name it.
    pub id: String,
    /// The mail address of the caller.
    pub user: String,
    /// The method.
    pub method: http::Method,
    /// The path as it was asked for.
    pub path: String,
    /// The values of the path.
    pub values: BTreeMap<&'static str, String>,
    /// The query.
    pub query: Query,
    /// The body; empty when there is none.
    pub bytes: bytes::Bytes,
    /// The other end of its connection.
    pub peer: Option<SocketAddr>,
    /// The fault it meets, if any.
    pub fault: Option<Fault>,
    /// How long the clock's `fault.delay_ms` is in real time.
    pub lag: Option<Duration>,
}

impl Call {
    /// Returns a value of the path; empty if the template has none of this name.
    pub fn value(&self, name: &str) -> &str {
        self.values.get(name).map_or("", String::as_str)
    }

    /// Returns the project of the path.
    pub fn project(&self) -> &str {
        self.value("project")
    }

    /// Returns true if the caller wants enums as numbers (`$alt=json;enum-encoding=int`).
    pub fn enums_as_numbers(&self) -> bool {
        self.query.get("$alt").is_some_and(|alt| alt.contains("enum-encoding=int"))
    }

    /// Returns true if the call meets this fault.
    pub fn meets(&self, effect: Effect) -> bool {
        self.fault.as_ref().is_some_and(|f| f.effect == effect)
    }

    /// Returns how far lists lag behind, if they do.
    pub fn stale(&self) -> Option<Duration> {
        self.meets(Effect::StaleList).then(|| self.lag.unwrap_or(STALE_DEFAULT))
    }

    /// Reads the body. It must be an object with no other fields than the shape's. What it returns
    /// has names for enums and texts for 64-bit numbers, as answers have.
    ///
    /// # Errors
    /// Returns a refusal in Google's words.
    pub fn body(&self, shape: &Shape) -> Result<Value, Refusal> {
        if self.bytes.is_empty() {
            return shape.check(Value::Object(serde_json::Map::new()));
        }
        let value: Value = serde_json::from_slice(&self.bytes).map_err(|e| {
            Refusal::bad("parseError", format!("Invalid JSON payload received. {e}"))
        })?;
        shape.check(value)
    }
}
