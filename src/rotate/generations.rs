//! Which generation of each slot is wanted: the journal of rotations.
//!
//! `.infra/<cluster>/rotations.json` says, for each slot that was ever rotated, which generation it
//! shall have. A rotation begins by writing it; everything after that is a plan like any other, so
//! the same command resumes a killed rotation, and so does `infra apply`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use infra_provider_api::{Address, Cluster, NodeSlot};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::bounds::Rollout;

const FILE: &str = "rotations.json";
const VERSION: u32 = 1;

/// Wanted generations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Generations {
    version: u32,
    /// Slot to generation; slots that are not here have the highest that exists.
    slots: BTreeMap<String, u32>,
    /// Slots whose rotation has begun and not ended.
    #[serde(default)]
    under_way: BTreeMap<String, u32>,
    /// Machines that are being replaced, where the cloud makes the machines of a pool, each with the number from
    /// which its successor's name follows.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    machines: BTreeMap<String, u64>,
    /// Slots whose old machine goes before the new one comes.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    in_place: BTreeSet<String>,
    /// What a rotation of many has still to begin with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    queue: Option<Queue>,
    /// The volumes of a cluster that is being deleted, by their handles: afterwards nobody can say whose
    /// disks they are.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    volumes: BTreeSet<String>,
}

/// What a rotation of many nodes has still to begin with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queue {
    /// When the rotation began.
    pub since: Timestamp,
    /// The slots that are left, in the order in which they are replaced.
    pub left: Vec<String>,
    /// How many at once, as the command line said.
    #[serde(default)]
    pub rollout: Rollout,
}

/// The file can't be used.
#[derive(Debug, thiserror::Error)]
pub enum GenerationsError {
    /// It can't be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is damaged.
    #[error("{} is damaged: {reason}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
    /// A newer version wrote it.
    #[error("{} was written by a newer version (format {found}, this one knows {VERSION})", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
}

impl Generations {
    /// Reads the file of a state folder; empty when there is none.
    ///
    /// # Errors
    /// Returns a [`GenerationsError`].
    pub fn read(folder: &Path) -> Result<Self, GenerationsError> {
        let path = folder.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                return Ok(Self { version: VERSION, ..Self::default() });
            }
            Err(source) => return Err(GenerationsError::Io { path, source }),
        };
        let value: serde_json::Value = serde_json::from_str(&text).map_err(|error| {
            GenerationsError::Damaged { path: path.clone(), reason: error.to_string() }
        })?;
        let found = value["version"].as_u64().and_then(|v| u32::try_from(v).ok()).unwrap_or(0);
        if found > VERSION {
            return Err(GenerationsError::Newer { path, found });
        }
        serde_json::from_value(value)
            .map_err(|error| GenerationsError::Damaged { path, reason: error.to_string() })
    }

    /// Writes the file, atomically and synced.
    ///
    /// # Errors
    /// Returns a [`GenerationsError`].
    pub fn write(&self, folder: &Path) -> Result<(), GenerationsError> {
        let path = folder.join(FILE);
        let text = serde_json::to_string_pretty(self).map_err(|error| {
            GenerationsError::Damaged { path: path.clone(), reason: error.to_string() }
        })?;
        infra_ssl::files::write_atomic(&path, text.as_bytes(), infra_ssl::files::SECRET_MODE)
            .map_err(|error| GenerationsError::Io {
                path,
                source: std::io::Error::other(error.to_string()),
            })
    }

    /// Returns the generation that `slot` shall have: what was written, else the highest that
    /// exists.
    pub fn wanted(&self, slot: &str, existing: &BTreeMap<String, u32>) -> u32 {
        self.slots.get(slot).or_else(|| existing.get(slot)).copied().unwrap_or(1)
    }

    /// Returns the generation that a rotation of `slot` is bringing in, if one is under way.
    pub fn under_way(&self, slot: &str) -> Option<u32> {
        self.under_way.get(slot).copied()
    }

    /// Begins (or resumes) the rotation of `slot`, and returns the new generation.
    pub fn begin(&mut self, slot: &str, existing: &BTreeMap<String, u32>) -> u32 {
        if let Some(generation) = self.under_way(slot) {
            return generation;
        }
        let generation =
            self.wanted(slot, existing).max(existing.get(slot).copied().unwrap_or(1)) + 1;
        self.version = VERSION;
        self.slots.insert(slot.to_owned(), generation);
        self.under_way.insert(slot.to_owned(), generation);
        generation
    }

    /// Lets the old machine of `slot` go before the new one comes, or not.
    pub fn set_in_place(&mut self, slot: &str, in_place: bool) {
        match in_place {
            true => self.in_place.insert(slot.to_owned()),
            false => self.in_place.remove(slot),
        };
    }

    /// Returns the slots whose old machine goes before the new one comes.
    pub fn in_place(&self) -> &BTreeSet<String> {
        &self.in_place
    }

    /// Ends the rotation of `slot`.
    pub fn end(&mut self, slot: &str) {
        self.under_way.remove(slot);
        self.in_place.remove(slot);
        let queue = self.queue.take();
        self.set_queue(queue);
    }

    /// Ends the rotation of `slot`, and lets it have the generation that it had before.
    pub fn revert(&mut self, slot: &str, generation: u32) {
        self.end(slot);
        self.slots.insert(slot.to_owned(), generation);
    }

    /// Returns what a rotation of many has still to begin with, if one is under way.
    pub fn queue(&self) -> Option<&Queue> {
        self.queue.as_ref()
    }

    /// Sets what a rotation of many has still to begin with. It ends when nothing is left and nothing under way.
    pub fn set_queue(&mut self, queue: Option<Queue>) {
        self.version = VERSION;
        let is_open = !self.under_way.is_empty();
        self.queue = queue.filter(|queue| is_open || !queue.left.is_empty());
    }

    /// Returns the machines that are being replaced, where the cloud makes the machines of a pool, each with the
    /// number from which its successor's name follows.
    pub fn machines(&self) -> &BTreeMap<String, u64> {
        &self.machines
    }

    /// Begins to replace `machine` by the one whose name follows from `number`. One that is being replaced keeps
    /// its number.
    pub fn begin_machine(&mut self, machine: &str, number: u64) {
        self.version = VERSION;
        self.machines.entry(machine.to_owned()).or_insert(number);
    }

    /// Ends the replacement of `machine`.
    pub fn end_machine(&mut self, machine: &str) {
        self.machines.remove(machine);
    }

    /// Returns the volumes of a cluster that is being deleted, by their handles.
    pub fn volumes(&self) -> &BTreeSet<String> {
        &self.volumes
    }

    /// Adds volumes of a cluster that is being deleted. Returns true if one is new.
    pub fn add_volumes(&mut self, volumes: &BTreeSet<String>) -> bool {
        self.version = VERSION;
        let before = self.volumes.len();
        self.volumes.extend(volumes.iter().cloned());
        self.volumes.len() > before
    }

    /// Returns the slots whose rotation is under way.
    pub fn rotating(&self) -> impl Iterator<Item = &str> {
        self.under_way.keys().map(String::as_str)
    }

    /// Fills the wanted generations of pools into a cluster, where the cloud makes the machines.
    pub fn fill_pools(&self, cluster: &mut Cluster, existing: &BTreeMap<String, u32>) {
        for pool in &mut cluster.pools {
            pool.generation = self.wanted(&pool.name, existing);
        }
    }

    /// Fills the wanted generations into a cluster.
    pub fn fill(&self, cluster: &mut Cluster, existing: &BTreeMap<String, u32>) {
        for node in cluster.pools.iter_mut().flat_map(|pool| &mut pool.nodes) {
            node.generation = self.wanted(&node.slot, existing);
        }
    }
}

/// Returns the highest generation of each slot among the names of machines.
pub fn existing<'a>(machines: impl IntoIterator<Item = &'a Address>) -> BTreeMap<String, u32> {
    let mut highest = BTreeMap::new();
    for address in machines {
        let (slot, generation) = NodeSlot::parse_name(address.name());
        let kept = highest.entry(slot).or_insert(generation);
        *kept = generation.max(*kept);
    }
    highest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_goes_on_with_the_same_generation() {
        let folder = tempfile::tempdir().unwrap();
        let machines =
            [Address::new("droplet", "worker-1"), Address::new("droplet", "worker-2-g3")];
        let existing = existing(&machines);
        let mut generations = Generations::read(folder.path()).unwrap();
        assert_eq!(generations.wanted("worker-2", &existing), 3);
        assert_eq!(generations.begin("worker-1", &existing), 2);
        generations.write(folder.path()).unwrap();

        let mut again = Generations::read(folder.path()).unwrap();
        assert_eq!(again.begin("worker-1", &existing), 2, "killed and run again");
        again.end("worker-1");
        assert_eq!(again.wanted("worker-1", &existing), 2);
        assert_eq!(again.begin("worker-1", &existing), 3, "a second rotation");
    }

    #[test]
    fn a_machine_that_is_being_replaced_is_remembered() {
        let folder = tempfile::tempdir().unwrap();
        let mut all = Generations::read(folder.path()).unwrap();
        all.begin_machine("gke-lab-web-1a2b3c4d-x1y2", 3);
        assert!(all.add_volumes(&BTreeSet::from(["disk-1".to_owned()])));
        all.write(folder.path()).unwrap();
        let mut again = Generations::read(folder.path()).unwrap();
        again.begin_machine("gke-lab-web-1a2b3c4d-x1y2", 4);
        let numbers: Vec<u64> = again.machines().values().copied().collect();
        assert_eq!(numbers, [3], "killed and run again");
        assert!(!again.add_volumes(&BTreeSet::from(["disk-1".to_owned()])));
        again.end_machine("gke-lab-web-1a2b3c4d-x1y2");
        assert!(again.machines().is_empty());
    }

    #[test]
    fn a_newer_file_is_refused_and_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        std::fs::write(&path, r#"{"version": 9, "slots": {"x": "y"}}"#).unwrap();
        assert!(matches!(
            Generations::read(folder.path()),
            Err(GenerationsError::Newer { found: 9, .. })
        ));
        assert_eq!(
            std::fs::read_to_string(&path).unwrap(),
            r#"{"version": 9, "slots": {"x": "y"}}"#
        );
    }
}
