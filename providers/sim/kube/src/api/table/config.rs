//! The columns of configuration and of events.

use serde_json::{Value, json};

use super::age;
use super::cells::{count, number, or, text};
use super::column::Cell::*;
use super::column::{AGE, CREATED, NAME, Table, col, wide};

pub(super) static TABLES: &[Table] = &[
    Table {
        kinds: &["configmaps"],
        columns: &[
            NAME,
            col("Data", With(|o| json!(count(&o["data"]) + count(&o["binaryData"])))),
            AGE,
        ],
    },
    Table {
        kinds: &["secrets"],
        columns: &[NAME, col("Type", Plain("/type")), col("Data", Count("/data")), AGE],
    },
    Table { kinds: &["serviceaccounts"], columns: &[NAME, col("Secrets", Count("/secrets")), AGE] },
    Table {
        kinds: &["events", "events.events.k8s.io"],
        columns: &[
            col("Last Seen", With(last_seen)),
            col("Type", Plain("/type")),
            col("Reason", Plain("/reason")),
            col("Object", With(object)),
            wide("Subobject", With(|o| or(&about(o)["fieldPath"], ""))),
            wide("Source", With(source)),
            col("Message", With(|o| json!(text(first(o, &["message", "note"])).trim()))),
            wide("First Seen", With(first_seen)),
            wide("Count", With(|o| json!(number(first(o, &["count", "deprecatedCount"])).max(1)))),
            wide("Name", Plain("/metadata/name")),
        ],
    },
    Table {
        kinds: &["resourcequotas"],
        columns: &[
            NAME,
            col("Request", With(|o| quotas(o, false))),
            col("Limit", With(|o| quotas(o, true))),
            AGE,
        ],
    },
    Table { kinds: &["limitranges"], columns: &[NAME, CREATED] },
];

/// Lists the limits of a quota, or everything else of it, each with what is used.
fn quotas(quota: &Value, limits: bool) -> Value {
    let hard = quota["spec"]["hard"].as_object().into_iter().flatten();
    let all: Vec<String> = hard
        .filter(|(key, _)| key.starts_with("limits") == limits)
        .map(|(key, hard)| {
            let used = quota["status"]["used"][key].as_str().unwrap_or("0");
            format!("{key}: {used}/{}", text(hard))
        })
        .collect();
    json!(all.join(", "))
}

/// Returns the first of these fields that an event has: its two versions name them differently.
fn first<'a>(event: &'a Value, fields: &[&str]) -> &'a Value {
    fields.iter().map(|field| &event[*field]).find(|value| !value.is_null()).unwrap_or(&Value::Null)
}

fn about(event: &Value) -> &Value {
    first(event, &["involvedObject", "regarding"])
}

fn object(event: &Value) -> Value {
    let about = about(event);
    json!(format!("{}/{}", text(&about["kind"]).to_lowercase(), text(&about["name"])))
}

fn source(event: &Value) -> Value {
    let source = first(event, &["source", "deprecatedSource"]);
    or(&source["component"], text(&event["reportingComponent"]))
}

/// Says how long ago the first of these times was that is set.
fn since(times: &[&Value]) -> Value {
    age::since(times.iter().find(|at| at.is_string()).copied().unwrap_or(&Value::Null))
}

fn last_seen(o: &Value) -> Value {
    since(&[
        &o["lastTimestamp"],
        &o["deprecatedLastTimestamp"],
        &o["series"]["lastObservedTime"],
        &o["eventTime"],
        &o["firstTimestamp"],
        &o["metadata"]["creationTimestamp"],
    ])
}

fn first_seen(o: &Value) -> Value {
    since(&[
        &o["firstTimestamp"],
        &o["deprecatedFirstTimestamp"],
        &o["eventTime"],
        &o["metadata"]["creationTimestamp"],
    ])
}
