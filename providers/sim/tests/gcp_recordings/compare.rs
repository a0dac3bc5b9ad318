//! Two answers to the same request: their statuses and the paths of their fields.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// One way in which an answer differs from the recorded one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Difference {
    /// The method, and the path with `*` for names.
    pub call: String,
    pub what: What,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// Another status, with the message of the answer.
    Status { recorded: u16, now: u16, message: String },
    /// A field that the recorded answer has and this one has not.
    Missing(String),
    /// A field that only this answer has.
    More(String),
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let call = &self.call;
        match &self.what {
            What::Status { recorded, now, message } => {
                write!(f, "{call}: {now} instead of {recorded}: {message}")
            }
            What::Missing(path) => write!(f, "{call}: no {path}"),
            What::More(path) => write!(f, "{call}: also {path}"),
        }
    }
}

/// Compares an answer with the recorded one.
pub fn compare(call: &str, recorded: (u16, &Value), now: (u16, &Value)) -> Vec<Difference> {
    let named = |what: What| Difference { call: call.to_owned(), what };
    if recorded.0 != now.0 {
        let message = now.1["error"]["message"].as_str().unwrap_or_default().to_owned();
        return vec![named(What::Status { recorded: recorded.0, now: now.0, message })];
    }
    let (theirs, ours) = (paths(recorded.1), paths(now.1));
    let missing = topmost(&theirs, &ours).into_iter().map(What::Missing);
    let more = topmost(&ours, &theirs).into_iter().map(What::More);
    missing.chain(more).map(named).collect()
}

/// Returns the paths that only the first has, but those below another such path.
fn topmost(all: &BTreeSet<String>, others: &BTreeSet<String>) -> Vec<String> {
    let only: Vec<&String> = all.difference(others).collect();
    let is_below = |path: &str| {
        let above = |one: &&String| {
            path.strip_prefix(one.as_str()).is_some_and(|rest| rest.starts_with(['.', '[']))
        };
        only.iter().any(above)
    };
    only.iter().filter(|path| !is_below(path)).map(|path| (*path).clone()).collect()
}

/// Returns the paths of all fields; items of lists are one, `a[].b`.
fn paths(value: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, path: &str, all: &mut BTreeSet<String>) {
        if !path.is_empty() {
            all.insert(path.to_owned());
        }
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    let dot = if path.is_empty() { "" } else { "." };
                    walk(value, &format!("{path}{dot}{name}"), all);
                }
            }
            Value::Array(items) => {
                for item in items {
                    walk(item, &format!("{path}[]"), all);
                }
            }
            _ => {}
        }
    }
    let mut all = BTreeSet::new();
    walk(value, "", &mut all);
    all
}

/// Names a call without the names in its path: `GET networks/*`.
pub fn kind(method: &str, path: &str) -> String {
    let path = path.split('?').next().unwrap_or_default();
    let (_, below) = path.split_once("/projects/").unwrap_or_default();
    let mut segments = below.split('/').skip(1);
    let mut kind = Vec::new();
    while let Some(collection) = segments.next() {
        if matches!(collection, "global" | "aggregated") {
            continue;
        }
        let Some(name) = segments.next() else {
            kind.push(collection.to_owned());
            break;
        };
        // Where it is does not matter.
        if matches!(collection, "locations" | "regions" | "zones") {
            continue;
        }
        let verb = name.split_once(':').map(|(_, verb)| format!(":{verb}")).unwrap_or_default();
        kind.push(format!("{collection}/*{verb}"));
    }
    format!("{method} {}", kind.join("/"))
}

#[test]
fn paths_that_differ_are_told_once_and_at_their_top() {
    use serde_json::json;
    let recorded = json!({"a": {"b": 1, "c": [{"d": 1}, {"e": 1}]}, "f": []});
    let now = json!({"a": {"c": [{"d": 1}]}, "f": [{"g": {"h": 1}}]});
    let found = compare("GET x", (200, &recorded), (200, &now));
    let said: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["GET x: no a.b", "GET x: no a.c[].e", "GET x: also f[]"]);
    let refused = json!({"error": {"message": "m"}});
    let said = compare("GET x", (200, &recorded), (400, &refused))[0].to_string();
    assert_eq!(said, "GET x: 400 instead of 200: m");
}

#[test]
fn kinds_have_no_names() {
    let pool = "/v1/projects/p/locations/l/clusters/c/nodePools/n:setSize?alt=json";
    assert_eq!(kind("POST", pool), "POST clusters/*/nodePools/*:setSize");
    assert_eq!(kind("GET", "/compute/v1/projects/p/global/networks/n"), "GET networks/*");
    assert_eq!(kind("POST", "/compute/v1/projects/p/regions/r/routers"), "POST routers");
    assert_eq!(
        kind("POST", "/dns/v1/projects/p/managedZones/z/changes"),
        "POST managedZones/*/changes"
    );
}
