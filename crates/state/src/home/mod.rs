//! The home of a cluster's state on this machine: the folder that holds `.infra/` and `ssl/`.
//!
//! It is the folder of infra.toml, so that a cluster has one state and one set of keys from wherever it
//! is run, or the folder that `--state-dir` names. Earlier versions took the current folder.

mod compare;
mod disk;
mod error;
#[cfg(test)]
mod interrupted;
mod left;
mod links;
mod moving;
mod tree;

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicBool, Ordering},
};

pub use error::{MoveError, TwoStates};
pub use moving::{Carried, Move};

/// Where a cluster's state is on this machine.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Home {
    folder: PathBuf,
    left: Left,
    /// Nothing in the current folder is this cluster's: another file is there, or `--state-dir` is given.
    is_apart: bool,
}

/// What an earlier version has left in the current folder.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Left {
    #[default]
    Nothing,
    /// The state, which is used there until it is moved.
    State {
        /// Where it belongs.
        belongs: PathBuf,
    },
    /// A state, while there is one of the same cluster where it belongs.
    Both,
}

impl Home {
    /// Returns the home of `cluster` in `file`: `state_dir` if it is given, else the folder of
    /// `file`. It is the current folder while that holds state of that name and the folder of
    /// `file` holds none, unless another infra.toml there names the same cluster. Without a `cluster`,
    /// the state is that of the embedded cloud.
    pub fn of(file: &Path, state_dir: Option<&Path>, cluster: Option<&str>) -> Self {
        Self::from(Path::new(""), file, state_dir, cluster)
    }

    /// Returns the home as [`Home::of`] does, with `here` as the current folder.
    fn from(here: &Path, file: &Path, state_dir: Option<&Path>, cluster: Option<&str>) -> Self {
        if let Some(folder) = state_dir {
            return Self { is_apart: true, ..Self::in_folder(folder) };
        }
        let mut beside = Self::in_folder(file.parent().unwrap_or_else(|| Path::new("")));
        if left::is_same(here, &beside.folder) {
            return beside;
        }
        beside.is_apart = left::is_of_another(here, file, cluster);
        if beside.is_apart {
            return beside;
        }
        let mut here = Self::in_folder(here);
        let state = |home: &Self| cluster.map_or_else(|| home.sim(), |name| home.state(name));
        let (old, new) = (state(&here), state(&beside));
        if !left::has_state(&old) {
            return beside;
        }
        if !left::has_state(&new) {
            here.left = Left::State { belongs: beside.folder };
            return here;
        }
        if cluster.is_some() && left::may_be_same(&old, &new) {
            beside.left = Left::Both;
        }
        beside
    }

    /// Returns a home in `folder`.
    pub fn in_folder(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), ..Self::default() }
    }

    /// Returns a note, once in a run, if the state of `cluster` is not where it belongs.
    ///
    /// # Errors
    /// Returns an error if there is a second state of the same cluster in the current folder.
    pub fn check(&self, cluster: &str) -> Result<Option<String>, TwoStates> {
        static TOLD: AtomicBool = AtomicBool::new(false);
        match &self.left {
            Left::Nothing => {}
            Left::Both => {
                return Err(TwoStates {
                    cluster: cluster.to_owned(),
                    beside: self.state(cluster),
                    here: Self::default().state(cluster),
                    folder: self.folder.clone(),
                });
            }
            Left::State { belongs } if !TOLD.swap(true, Ordering::Relaxed) => {
                let here = self.state(cluster);
                return Ok(Some(format!(
                    "note: the state of cluster {cluster} is in {}, below the current folder; `infra state migrate` moves it to {}, where infra.toml is",
                    here.display(),
                    belongs.display()
                )));
            }
            Left::State { .. } => {}
        }
        Ok(None)
    }

    /// Returns the folder of a cluster's state: `.infra/<cluster>`.
    pub fn state(&self, cluster: &str) -> PathBuf {
        self.folder.join(".infra").join(cluster)
    }

    /// Returns the folder of a cluster's certificates and keys: `ssl/<cluster>`.
    pub fn pki(&self, cluster: &str) -> PathBuf {
        self.folder.join("ssl").join(cluster)
    }

    /// Returns the folder that everything is in, as `--state-dir` takes it.
    pub fn folder(&self) -> &Path {
        match self.folder.as_os_str().is_empty() {
            true => Path::new("."),
            false => &self.folder,
        }
    }

    /// Returns the folder of the embedded cloud.
    pub fn sim(&self) -> PathBuf {
        self.folder.join(".infra").join("sim")
    }

    /// Returns the default cache of the nodes' downloads. One that an earlier version has filled in the
    /// current folder is used as long as there is none here.
    pub fn artifacts(&self) -> PathBuf {
        let (own, old) = (self.downloads(), Self::default().downloads());
        if !self.is_apart && !own.exists() && old.exists() { old } else { own }
    }

    fn downloads(&self) -> PathBuf {
        self.folder.join(".infra").join("artifacts")
    }

    /// Returns the file of the key that masks the values of Secrets in renders.
    pub fn render_key(&self) -> PathBuf {
        self.folder.join(".infra").join("render.key")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_lies_beside_the_file_or_where_it_was_asked_for() {
        let home = Home::of(Path::new("infra.toml"), None, Some("lab"));
        assert_eq!(home.state("lab"), Path::new(".infra/lab"));
        let home = Home::of(Path::new("no/such/infra.toml"), None, Some("lab"));
        assert_eq!(home.state("lab"), Path::new("no/such/.infra/lab"));
        assert_eq!(home.pki("lab"), Path::new("no/such/ssl/lab"));
        let home = Home::of(Path::new("no/such/infra.toml"), Some(Path::new("/kept")), None);
        assert_eq!(home.sim(), Path::new("/kept/.infra/sim"));
        assert_eq!(home.left, Left::Nothing);
    }

    /// A current folder and a folder of infra.toml, with these identities of the cluster lab.
    fn folders(here: Option<u128>, beside: Option<u128>) -> tempfile::TempDir {
        let all = tempfile::tempdir().unwrap();
        for (name, uuid) in [("here", here), ("beside", beside)] {
            let state = all.path().join(name).join(".infra/lab");
            std::fs::create_dir_all(&state).unwrap();
            if let Some(uuid) = uuid {
                let uuid = uuid::Uuid::from_u128(uuid);
                let text = format!("{{\"uuid\": \"{uuid}\"}}");
                std::fs::write(state.join("identity.json"), text).unwrap();
            }
        }
        std::fs::write(all.path().join("beside/infra.toml"), "[cluster]\nname = \"lab\"\n")
            .unwrap();
        all
    }

    fn home(all: &tempfile::TempDir) -> Home {
        let file = all.path().join("beside/infra.toml");
        Home::from(&all.path().join("here"), &file, None, Some("lab"))
    }

    #[test]
    fn state_in_the_current_folder_counts_while_it_is_the_only_one() {
        let all = folders(Some(1), None);
        let found = home(&all);
        assert_eq!(found.folder, all.path().join("here"));
        assert_eq!(found.left, Left::State { belongs: all.path().join("beside") });
        found.check("lab").unwrap();
    }

    #[test]
    fn another_file_s_state_is_not_taken() {
        let all = folders(Some(1), None);
        std::fs::write(all.path().join("here/infra.toml"), "[cluster]\nname = \"lab\"\n").unwrap();
        let found = home(&all);
        assert_eq!((found.folder, found.left), (all.path().join("beside"), Left::Nothing));
        // A file of another cluster has not made this state.
        std::fs::write(all.path().join("here/infra.toml"), "[cluster]\nname = \"two\"\n").unwrap();
        assert_eq!(home(&all).folder, all.path().join("here"));
    }

    #[test]
    fn two_states_of_one_cluster_are_refused_and_of_two_are_not() {
        let all = folders(Some(1), Some(1));
        let error = home(&all).check("lab").unwrap_err();
        assert!(error.to_string().contains("beside/.infra/lab"), "{error}");
        let all = folders(Some(1), Some(2));
        home(&all).check("lab").unwrap();
        assert_eq!(home(&all).folder, all.path().join("beside"));
    }
}
