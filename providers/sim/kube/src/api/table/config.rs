use serde_json::{Value, json};

use super::{View, age, age_of, name, number, or};

fn count(object: &Value, fields: &[&str]) -> usize {
    fields.iter().map(|field| object[*field].as_object().map_or(0, serde_json::Map::len)).sum()
}

pub(super) fn view(plural: &str) -> Option<View> {
    Some(match plural {
        "configmaps" => View {
            columns: &[("Name", false), ("Data", false), ("Age", false)],
            row: |o| vec![name(o), json!(count(o, &["data", "binaryData"])), age_of(o)],
        },
        "secrets" => View {
            columns: &[("Name", false), ("Type", false), ("Data", false), ("Age", false)],
            row: |o| vec![name(o), o["type"].clone(), json!(count(o, &["data"])), age_of(o)],
        },
        "serviceaccounts" => View {
            columns: &[("Name", false), ("Secrets", false), ("Age", false)],
            row: |o| vec![name(o), json!(o["secrets"].as_array().map_or(0, Vec::len)), age_of(o)],
        },
        "events" => View {
            columns: &[
                ("Last Seen", false),
                ("Type", false),
                ("Reason", false),
                ("Object", false),
                ("Subobject", true),
                ("Source", true),
                ("Message", false),
                ("First Seen", true),
                ("Count", true),
                ("Name", true),
            ],
            row: event,
        },
        "resourcequotas" => View {
            columns: &[("Name", false), ("Request", false), ("Limit", false), ("Age", false)],
            row: |o| {
                let (mut requests, mut limits) = (Vec::new(), Vec::new());
                for (key, hard) in o["spec"]["hard"].as_object().into_iter().flatten() {
                    let used = o["status"]["used"][key].as_str().unwrap_or("0");
                    let text = format!("{key}: {used}/{}", hard.as_str().unwrap_or_default());
                    if key.starts_with("limits") { limits.push(text) } else { requests.push(text) }
                }
                vec![name(o), json!(requests.join(", ")), json!(limits.join(", ")), age_of(o)]
            },
        },
        "limitranges" => View {
            columns: &[("Name", false), ("Created At", false)],
            row: |o| vec![name(o), o["metadata"]["creationTimestamp"].clone()],
        },
        _ => return None,
    })
}

fn event(o: &Value) -> Vec<Value> {
    let first = |names: &[&str]| {
        names.iter().map(|n| o[*n].clone()).find(|v| !v.is_null()).unwrap_or_default()
    };
    let about = first(&["involvedObject", "regarding"]);
    let last = [
        &o["lastTimestamp"],
        &o["deprecatedLastTimestamp"],
        &o["series"]["lastObservedTime"],
        &o["eventTime"],
        &o["firstTimestamp"],
        &o["metadata"]["creationTimestamp"],
    ]
    .into_iter()
    .find(|at| at.is_string())
    .cloned()
    .unwrap_or_default();
    let begun = [
        &o["firstTimestamp"],
        &o["deprecatedFirstTimestamp"],
        &o["eventTime"],
        &o["metadata"]["creationTimestamp"],
    ]
    .into_iter()
    .find(|at| at.is_string())
    .cloned()
    .unwrap_or_default();
    let object = format!(
        "{}/{}",
        about["kind"].as_str().unwrap_or_default().to_lowercase(),
        about["name"].as_str().unwrap_or_default()
    );
    let source = first(&["source", "deprecatedSource"]);
    let source = or(&source["component"], o["reportingComponent"].as_str().unwrap_or_default());
    let times = number(&first(&["count", "deprecatedCount"])).max(1);
    let message = first(&["message", "note"]);
    vec![
        age::since(&last),
        o["type"].clone(),
        o["reason"].clone(),
        json!(object),
        or(&about["fieldPath"], ""),
        source,
        json!(message.as_str().unwrap_or_default().trim()),
        age::since(&begun),
        json!(times),
        name(o),
    ]
}
