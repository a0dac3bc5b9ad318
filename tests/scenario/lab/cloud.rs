//! The embedded cloud of a folder, from outside.

use std::collections::BTreeMap;

use serde_json::Value;

use super::Lab;

/// Everything that exists in the cloud.
#[derive(Clone, Debug, PartialEq)]
pub struct Inventory(pub Value);

impl Inventory {
    pub fn of(&self, kind: &str) -> &[Value] {
        self.0[kind].as_array().map_or(&[], Vec::as_slice)
    }

    /// The names of what exists of a kind, sorted; a name that is there twice is there twice.
    pub fn names(&self, kind: &str) -> Vec<String> {
        let name = |one: &Value| one["name"].as_str().unwrap_or_default().to_owned();
        let mut names: Vec<String> = self.of(kind).iter().map(name).collect();
        names.sort();
        names
    }

    /// Name and id of each of a kind, sorted.
    pub fn ids_of(&self, kind: &str) -> Vec<String> {
        let key = |one: &Value| format!("{} {}", one["name"], one["id"]);
        let mut all: Vec<String> = self.of(kind).iter().map(key).collect();
        all.sort();
        all
    }

    /// The same of all kinds.
    pub fn ids(&self) -> BTreeMap<String, Vec<String>> {
        let kinds = self.0.as_object().unwrap().keys();
        kinds.map(|kind| (kind.clone(), self.ids_of(kind))).collect()
    }

    /// Panics unless nothing exists. Tags that nothing carries cost nothing and may stay.
    #[track_caller]
    pub fn assert_empty(&self) {
        for (kind, list) in self.0.as_object().unwrap() {
            // Google's are apart, by their kinds.
            let count = match list {
                Value::Object(kinds) => {
                    kinds.values().filter_map(Value::as_array).map(Vec::len).sum()
                }
                list => list.as_array().map_or(0, Vec::len),
            };
            assert!(kind == "tags" || count == 0, "{count} {kind} are left: {list}");
        }
    }
}

impl Lab {
    pub fn inventory(&self) -> Inventory {
        let ran = self.run_bare(&["sim", "inventory"]).ok();
        Inventory(serde_json::from_str(&ran.stdout).unwrap())
    }

    /// Calls since the last time this was asked.
    pub fn calls(&self) -> BTreeMap<String, u64> {
        let ran = self.run_bare(&["sim", "calls", "--reset", "--json"]).ok();
        serde_json::from_str(&ran.stdout).unwrap()
    }

    pub fn start_cloud(&self) {
        self.run_bare(&["sim", "start", "--speed", "10"]).ok();
    }

    pub fn fault(&self, words: &[&str]) {
        self.run_bare(&[&["sim", "fault", "add"], words].concat()).ok();
    }

    /// How often faults have struck, in all.
    pub fn struck(&self) -> u64 {
        let ran = self.run_bare(&["sim", "fault", "list", "--json"]).ok();
        let all: Vec<Value> = serde_json::from_str(&ran.stdout).unwrap();
        all.iter().filter_map(|fault| fault["struck"].as_u64()).sum()
    }

    /// What the embedded cloud wrote about itself.
    pub fn endpoint(&self) -> Value {
        serde_json::from_str(&self.read(".infra/sim/endpoint.json")).unwrap()
    }

    /// kill -9 of the embedded cloud.
    pub fn kill_cloud(&self) {
        let Ok(text) = std::fs::read_to_string(self.file(".infra/sim/endpoint.json")) else {
            return;
        };
        let endpoint: Value = serde_json::from_str(&text).unwrap_or_default();
        let Some(pid) = endpoint["pid"].as_i64().and_then(|pid| i32::try_from(pid).ok()) else {
            return;
        };
        // Only if it is still that process.
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if String::from_utf8_lossy(&command).contains("serve") {
            let pid = nix::unistd::Pid::from_raw(pid);
            let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
        }
    }
}
