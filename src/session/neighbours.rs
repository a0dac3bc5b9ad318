//! Records of other clusters in this folder: a renamed cluster is a new one, and the old one still
//! exists.

use std::{path::Path, sync::Arc};

use uuid::Uuid;

use super::open::Session;
use crate::state::{Store, store::Folder};

impl Session {
    /// Returns a note on each other cluster that is recorded in this folder, where nothing is recorded
    /// of this one.
    pub(super) async fn neighbours(&self) -> Vec<String> {
        if self.remote.is_some() || !self.store.state().resources.is_empty() {
            return Vec::new();
        }
        let Some(parent) = self.layout.state.parent() else { return Vec::new() };
        let own = &self.project.cluster.name;
        let mut notes = Vec::new();
        for name in clusters(parent) {
            if name == *own {
                continue;
            }
            if let Some(what) = self.recorded(parent, &name).await {
                notes.push(format!(
                    "this folder also holds the state of {name} ({what}); a cluster with a new name \
                     is a new cluster, and nothing of {name} is changed"
                ));
            }
        }
        notes
    }

    /// Returns how much is recorded of the cluster `name`. Reads only.
    async fn recorded(&self, parent: &Path, name: &str) -> Option<String> {
        let folder = Arc::new(Folder::new(parent.join(name)));
        let store = Store::open_unclaimed(folder, name, Uuid::nil()).await.ok()?;
        let record = store.state();
        let machines = record.resources.keys();
        let machines = machines.filter(|one| one.kind() == self.cloud.plane.machine_kind()).count();
        match (machines, record.resources.len()) {
            (0, 0) => None,
            (0, 1) => Some("1 resource".to_owned()),
            (0, all) => Some(format!("{all} resources")),
            (1, _) => Some("1 machine".to_owned()),
            (machines, _) => Some(format!("{machines} machines")),
        }
    }
}

/// Returns the names of the clusters that have a state below `parent`, sorted.
fn clusters(parent: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(parent) else { return Vec::new() };
    let mut names: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().join("identity.json").is_file())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    names
}
