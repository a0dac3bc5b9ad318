//! `status.conditions`.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::object::child;

/// Writes RFC 3339 with whole seconds, as Kubernetes writes `metav1.Time`.
pub fn stamp(t: Timestamp) -> String {
    t.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Sets a condition in `o.status.conditions`; `lastTransitionTime` moves only with the status.
/// Returns whether the status changed.
pub fn set(
    o: &mut Value,
    now: Timestamp,
    kind: &str,
    status: &str,
    reason: &str,
    message: &str,
) -> bool {
    let st = child(o, "status");
    if !st["conditions"].is_array() {
        st["conditions"] = json!([]);
    }
    let Some(list) = st["conditions"].as_array_mut() else {
        return false;
    };
    let mut entry = json!({"type": kind, "status": status, "lastTransitionTime": stamp(now)});
    if !reason.is_empty() {
        entry["reason"] = json!(reason);
    }
    if !message.is_empty() {
        entry["message"] = json!(message);
    }
    match list.iter_mut().find(|c| c["type"] == kind) {
        Some(have) => {
            let flipped = have["status"] != status;
            let mut kept = have.clone();
            if flipped || !kept["lastTransitionTime"].is_string() {
                kept["lastTransitionTime"] = json!(stamp(now));
            }
            if let Some(m) = kept.as_object_mut() {
                m.remove("reason");
                m.remove("message");
            }
            for key in ["status", "reason", "message"] {
                if let Some(v) = entry.get(key) {
                    kept[key] = v.clone();
                }
            }
            *have = kept;
            flipped
        }
        None => {
            list.push(entry);
            true
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_time_moves_only_with_the_status() {
        let t = |s: i64| Timestamp::from_second(s).unwrap();
        let mut o = json!({});
        assert!(set(&mut o, t(1), "Ready", "False", "A", "a"));
        assert!(!set(&mut o, t(2), "Ready", "False", "B", ""));
        let c = &o["status"]["conditions"][0];
        assert_eq!(c["lastTransitionTime"], "1970-01-01T00:00:01Z");
        assert_eq!(c["reason"], "B");
        assert!(c.get("message").is_none());
        assert!(set(&mut o, t(3), "Ready", "True", "B", ""));
        assert_eq!(o["status"]["conditions"][0]["lastTransitionTime"], "1970-01-01T00:00:03Z");
    }
}
