//! Events of objects, as `kubectl describe` shows them: equal ones are counted, old ones go.

use serde_json::{Value, json};

use super::condition::stamp;
use super::context::Ctx;
use super::kinds::EVENTS;
use super::names::suffix_of;
use super::object::{ObjectExt, opt};

impl Ctx {
    /// Records an event of type Normal about an object.
    pub fn normal(&self, by: &str, about: &Value, reason: &str, message: &str) {
        self.record("Normal", by, about, reason, message);
    }

    /// Records an event of type Normal unless the very same is there.
    pub fn normal_once(&self, by: &str, about: &Value, reason: &str, message: &str) {
        if !self.has("Normal", by, about, reason, message) {
            self.normal(by, about, reason, message);
        }
    }

    /// Records an event of type Warning unless the very same is there.
    pub fn warning_once(&self, by: &str, about: &Value, reason: &str, message: &str) {
        if !self.has("Warning", by, about, reason, message) {
            self.warning(by, about, reason, message);
        }
    }

    /// Records an event of type Warning about an object.
    pub fn warning(&self, by: &str, about: &Value, reason: &str, message: &str) {
        self.record("Warning", by, about, reason, message);
    }

    fn has(&self, kind: &str, by: &str, about: &Value, reason: &str, message: &str) -> bool {
        let ns = match about.ns() {
            "" => "default",
            ns => ns,
        };
        let name = event_name(kind, by, about, reason, message);
        self.store().get(&EVENTS, opt(ns), &name).is_some()
    }

    fn record(&self, kind: &str, by: &str, about: &Value, reason: &str, message: &str) {
        let ns = match about.ns() {
            "" => "default",
            ns => ns,
        };
        let name = event_name(kind, by, about, reason, message);
        let now = stamp(self.now());
        let again = self.store().modify(&EVENTS, opt(ns), &name, &mut |e: &mut Value| {
            e["count"] = json!(e.int_at("/count").unwrap_or(1) + 1);
            e["lastTimestamp"] = json!(now);
        });
        if !matches!(again, Ok(None)) {
            return;
        }
        let event = json!({
            "apiVersion": "v1", "kind": "Event",
            "metadata": {"name": name, "namespace": ns},
            "involvedObject": {
                "apiVersion": about["apiVersion"], "kind": about["kind"], "name": about.name(),
                "namespace": about["metadata"]["namespace"], "uid": about.uid(),
                "resourceVersion": about["metadata"]["resourceVersion"],
            },
            "type": kind, "reason": reason, "message": message, "count": 1,
            "firstTimestamp": now, "lastTimestamp": now, "eventTime": null,
            "source": {"component": by}, "reportingComponent": by, "reportingInstance": "",
        });
        // An event that cannot be written is lost, as on a real cluster.
        if let Err(error) = self.store().create(&EVENTS, event) {
            tracing::debug!(%error, reason, "event not recorded");
            return;
        }
        if let Some((ns, name)) = self.events.push(ns, &name) {
            let _ = self.store().delete(&EVENTS, opt(&ns), &name);
        }
    }
}

/// Makes an event's name, so that equal events have equal names.
fn event_name(kind: &str, by: &str, about: &Value, reason: &str, message: &str) -> String {
    let id = format!("{}/{kind}/{by}/{reason}/{message}", about.uid());
    format!("{}.{}", about.name(), suffix_of(&id, 16))
}
