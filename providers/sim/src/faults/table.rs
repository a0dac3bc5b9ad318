//! The faults that are set now. They are part of the data folder, so a restart keeps them.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::{Api, Effect, Fault, client, glob};
use crate::error::SimError;

/// A fault that is set.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SetFault {
    /// The fault.
    pub fault: Fault,
    /// How many requests (or machines) it fits came by.
    pub seen: u32,
    /// How many of them it hit.
    pub fired: u32,
}

/// All faults set now.
pub struct FaultTable {
    path: PathBuf,
    inner: Mutex<Inner>,
}

#[derive(Default, Serialize, Deserialize)]
struct Inner {
    last_id: u64,
    faults: Vec<Set>,
}

#[derive(Serialize, Deserialize)]
struct Set {
    fault: Fault,
    seen: u32,
    fired: u32,
}

impl FaultTable {
    /// Loads the faults of a data folder.
    ///
    /// # Errors
    /// Returns an error if the file is there but can't be read.
    pub fn open(data: &Path) -> Result<Self, SimError> {
        let path = data.join("faults.json");
        let inner = match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map_err(|e| SimError::Record { path: path.clone(), reason: e.to_string() })?,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => Inner::default(),
            Err(e) => return Err(SimError::io("read", path, e)),
        };
        Ok(Self { path, inner: Mutex::new(inner) })
    }

    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn save(&self, inner: &Inner) {
        let saved = serde_json::to_vec(inner)
            .map_err(|e| e.to_string())
            .and_then(|t| crate::files::write_private(&self.path, &t).map_err(|e| e.to_string()));
        if let Err(reason) = saved {
            tracing::warn!("faults are not recorded: {reason}");
        }
    }

    /// Sets a fault; gives it back with its id.
    ///
    /// # Errors
    /// Returns a sentence if the fault makes no sense.
    pub fn set(&self, mut fault: Fault) -> Result<Fault, &'static str> {
        if let Some(reason) = fault.refusal() {
            return Err(reason);
        }
        Ok(self.with(|i| {
            i.last_id += 1;
            fault.id = Some(i.last_id);
            i.faults.push(Set { fault: fault.clone(), seen: 0, fired: 0 });
            self.save(i);
            fault
        }))
    }

    /// Removes one fault, or all.
    pub fn clear(&self, id: Option<u64>) {
        self.with(|i| {
            i.faults.retain(|s| id.is_some() && s.fault.id != id);
            self.save(i);
        });
    }

    /// Lists the faults set now, with how many requests each has seen, and how many of them it hit.
    pub fn list(&self) -> Vec<SetFault> {
        let set = |s: &Set| SetFault { fault: s.fault.clone(), seen: s.seen, fired: s.fired };
        self.with(|i| i.faults.iter().map(set).collect())
    }

    /// Returns the fault that this request meets, if any, and counts it. `peer` is the other end of
    /// its connection.
    pub fn request(
        &self,
        api: Api,
        method: &str,
        path: &str,
        peer: Option<SocketAddr>,
    ) -> Option<Fault> {
        self.fire(|f| !f.effect.is_conditional() && hits(f, api, method, path, peer))
    }

    /// Returns the fault that this conditional write to S3 meets, if any, and counts it.
    pub fn conditional(&self, method: &str, path: &str, peer: Option<SocketAddr>) -> Option<Fault> {
        self.fire(|f| hits(f, Api::S3, method, path, peer))
    }

    /// Returns true if this machine (droplet name) meets `effect` now, and counts it.
    pub fn machine(&self, name: &str, effect: Effect) -> bool {
        self.fire(|f| {
            f.effect == effect && f.machine_glob.as_deref().is_some_and(|g| glob(g, name))
        })
        .is_some()
    }

    /// Returns true as long as this machine meets `effect`, and does not count it: for what lasts.
    pub fn lasts(&self, name: &str, effect: Effect) -> bool {
        let is_it = |f: &Fault| {
            f.effect == effect && f.machine_glob.as_deref().is_some_and(|g| glob(g, name))
        };
        self.with(|i| i.faults.iter().any(|set| is_it(&set.fault)))
    }

    fn fire(&self, matches: impl Fn(&Fault) -> bool) -> Option<Fault> {
        self.with(|i| {
            let mut hit = None;
            let mut touched = false;
            for set in i.faults.iter_mut().filter(|s| matches(&s.fault)) {
                if set.fault.count.is_some_and(|c| set.fired >= c) {
                    continue;
                }
                touched = true;
                set.seen += 1;
                let passed = set.fault.after.unwrap_or(0);
                if set.seen <= passed
                    || (set.seen - passed) % set.fault.every.unwrap_or(1).max(1) != 0
                {
                    continue;
                }
                set.fired += 1;
                hit = Some(set.fault.clone());
                break;
            }
            if touched {
                self.save(i);
            }
            hit
        })
    }
}

fn hits(f: &Fault, api: Api, method: &str, path: &str, peer: Option<SocketAddr>) -> bool {
    (f.api == Some(api) || f.api == Some(Api::Any))
        && f.method.as_deref().is_none_or(|m| m.eq_ignore_ascii_case(method))
        && f.path_glob.as_deref().is_none_or(|g| glob(g, path))
        && f.client_pid.is_none_or(|pid| peer.is_some_and(|peer| client::holds(pid, peer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(json: &str) -> Fault {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn counts_after_and_survives() {
        let dir = tempfile::tempdir().unwrap();
        let table = FaultTable::open(dir.path()).unwrap();
        table
            .set(fault(
                r#"{"api":"digitalocean","method":"post","path_glob":"/v2/dro*","effect":"500","count":2,"after":1}"#,
            ))
            .unwrap();
        let hit =
            |t: &FaultTable| t.request(Api::Digitalocean, "POST", "/v2/droplets", None).is_some();
        assert!(!hit(&table));
        assert!(hit(&table));
        assert!(table.request(Api::S3, "POST", "/v2/droplets", None).is_none());
        let table = FaultTable::open(dir.path()).unwrap();
        assert!(hit(&table));
        assert!(!hit(&table));
        table.clear(None);
        assert!(table.list().is_empty());
    }

    #[test]
    fn every_third_of_any_api() {
        let dir = tempfile::tempdir().unwrap();
        let table = FaultTable::open(dir.path()).unwrap();
        table.set(fault(r#"{"api":"any","effect":"503","after":1,"every":3}"#)).unwrap();
        let hits: Vec<bool> = [Api::S3, Api::Kube, Api::Digitalocean, Api::S3, Api::S3]
            .into_iter()
            .map(|api| table.request(api, "GET", "/", None).is_some())
            .collect();
        assert_eq!(hits, [false, false, false, true, false]);
        assert_eq!((table.list()[0].seen, table.list()[0].fired), (5, 1));
    }

    #[test]
    fn refuses_what_makes_no_sense() {
        let dir = tempfile::tempdir().unwrap();
        let table = FaultTable::open(dir.path()).unwrap();
        assert!(table.set(fault(r#"{"effect":"500"}"#)).is_err());
        assert!(table.set(fault(r#"{"effect":"dies"}"#)).is_err());
        assert!(table.set(fault(r#"{"effect":"kill_client_after","api":"any"}"#)).is_err());
        assert!(table.set(fault(r#"{"effect":"dies","machine_glob":"w*"}"#)).is_ok());
        assert!(table.machine("worker-1", Effect::Dies));
        assert!(!table.machine("worker-1", Effect::BootFails));
    }
}
