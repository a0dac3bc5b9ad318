//! A folder with an infra.toml and an embedded cloud of its own.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use infra_sim::control::{self, Control};
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::{
    Provider, SweepError,
    command::{BECOME, Ended, Held, Start},
    gke_scenario::NODE,
};

/// The cluster's name in every scenario.
pub(super) const CLUSTER: &str = "lab";
/// A run that is not disturbed is over long before.
const DEADLINE: Duration = Duration::from_secs(150);

/// Where and how the binary runs.
#[derive(Clone, Debug)]
pub struct Tools {
    /// The built `infra`; with debug assertions, so that it can be killed at journal writes.
    pub binary: PathBuf,
    /// How much faster than real time the clocks of embedded clouds run.
    pub speed: f64,
    /// The cloud that they stand in for.
    pub provider: Provider,
}

/// A folder with an infra.toml and an embedded cloud of its own, which ends with it.
pub struct Lab {
    pub(super) folder: TempDir,
    pub(super) tools: Tools,
    pub(super) runtime: Runtime,
    /// One of the nodes that were there at first, where only the cluster knows their names.
    node: Option<String>,
}

fn folder() -> Result<TempDir, SweepError> {
    let builder = tempfile::Builder::new().prefix("infra-sweep-").tempdir();
    builder.map_err(SweepError::io(std::env::temp_dir()))
}

impl Lab {
    /// Makes an empty folder.
    ///
    /// # Errors
    /// Returns an error if it can't be made.
    pub fn empty(tools: &Tools) -> Result<Self, SweepError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(SweepError::io("the runtime"))?;
        Ok(Self { folder: folder()?, tools: tools.clone(), runtime, node: None })
    }

    /// Makes a copy of another one's folder, whose cloud must not run.
    ///
    /// # Errors
    /// Returns an error if it can't be copied.
    pub fn copy_of(other: &Self) -> Result<Self, SweepError> {
        let mut lab = Self::empty(&other.tools)?;
        lab.node.clone_from(&other.node);
        let from = format!("{}/.", other.path().display());
        let copied = std::process::Command::new("cp").args(["-a", &from]).arg(lab.path()).status();
        match copied.map_err(SweepError::io("cp"))? {
            status if status.success() => {
                lab.move_kubeconfig(other.path())?;
                Ok(lab)
            }
            status => Err(SweepError::broken(format!("the folder can't be copied: {status}"))),
        }
    }

    /// Lets the kubeconfig of a copy ask for tokens in its own folder: on GKE it names the folder.
    fn move_kubeconfig(&self, from: &Path) -> Result<(), SweepError> {
        let path = self.file("ssl").join(CLUSTER).join("kubeconfig");
        let Ok(text) = std::fs::read_to_string(&path) else { return Ok(()) };
        let (from, to) = (from.display().to_string(), self.path().display().to_string());
        std::fs::write(&path, text.replace(&from, &to)).map_err(SweepError::io(&path))
    }

    /// Returns its folder.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Returns the path of a file in its folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Writes a file in its folder.
    ///
    /// # Errors
    /// Returns an error if it can't be written.
    pub fn write(&self, name: &str, text: &str) -> Result<(), SweepError> {
        let path = self.file(name);
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(SweepError::io(folder))?;
        }
        std::fs::write(&path, text).map_err(SweepError::io(&path))
    }

    pub(super) fn journal(&self) -> PathBuf {
        self.file(".infra").join(CLUSTER).join("journal")
    }

    fn data(&self) -> PathBuf {
        self.file(".infra/sim")
    }

    /// Starts its cloud; a seed counts for a new one only.
    ///
    /// # Errors
    /// Returns an error if it does not start.
    pub fn start_cloud(&self, seed: Option<u64>) -> Result<(), SweepError> {
        let (data, speed) = (self.data(), Some(self.tools.speed));
        self.runtime.block_on(control::start(&data, &self.tools.binary, seed, speed))?;
        Ok(())
    }

    /// Stops its cloud; nothing is lost.
    ///
    /// # Errors
    /// Returns an error if it does not stop.
    pub fn stop_cloud(&self) -> Result<(), SweepError> {
        self.runtime.block_on(control::stop(&self.data()))?;
        Ok(())
    }

    pub(super) fn cloud<T, F>(&self, ask: impl FnOnce(Control) -> F) -> Result<T, SweepError>
    where
        F: Future<Output = Result<T, infra_sim::SimError>>,
    {
        let control = Control::open(&self.data())?
            .ok_or_else(|| SweepError::broken("no embedded cloud runs here"))?;
        Ok(self.runtime.block_on(ask(control))?)
    }

    fn start<'a>(&'a self, words: &[&str], deadline: Duration) -> Start<'a> {
        let speed = self.tools.speed.to_string();
        let provider = self.tools.provider.name();
        let all = [words, &["--provider", provider, "--sim", "--sim-speed", &speed]].concat();
        let node = self.node.as_deref().unwrap_or(NODE);
        let word = |word: &str| if word == NODE { node } else { word }.to_owned();
        Start {
            binary: &self.tools.binary,
            folder: self.path(),
            words: all.into_iter().map(word).collect(),
            variables: Vec::new(),
            launch: BECOME,
            deadline,
        }
    }

    /// Starts a run that waits to be let go, with these variables; the shell launches it with
    /// `launch`.
    pub(super) fn hold(
        &self,
        words: &[&str],
        variables: &[(&str, String)],
        launch: &str,
    ) -> Result<Held, SweepError> {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        Start { variables: variables.collect(), launch, ..self.start(words, DEADLINE) }.hold()
    }

    /// Runs it on the cloud to its end.
    pub(super) fn run(&self, words: &[&str]) -> Result<Ended, SweepError> {
        self.hold(words, &[], BECOME)?.go()
    }

    /// Runs it on the cloud to its end; it must succeed.
    pub(super) fn must(&self, words: &[&str]) -> Result<Ended, SweepError> {
        let ended = self.run(words)?;
        if ended.code() == Some(0) {
            return Ok(ended);
        }
        Err(SweepError::broken(format!("it should have succeeded\n{}", ended.all())))
    }

    /// Learns the name of a node, for commands that name one.
    pub(super) fn learn_node(&mut self) -> Result<(), SweepError> {
        if self.tools.provider == Provider::Gcp {
            let status = self.json(&["status", "--json"])?;
            self.node = status["nodes"][0]["name"].as_str().map(str::to_owned);
        }
        Ok(())
    }

    /// Returns what the next run is: the same words; an apply where the node that they name is gone and no rotation of
    /// it is open: the first run was over, or GKE itself has replaced the node.
    pub(super) fn next_words<'a>(&self, words: &[&'a str]) -> Result<Vec<&'a str>, SweepError> {
        let is_there = match &self.node {
            Some(node) if words.contains(&NODE) => {
                let path = self.file(".infra").join(CLUSTER).join("rotations.json");
                let is_open = std::fs::read_to_string(path).is_ok_and(|text| text.contains(node));
                is_open || self.machines()?.iter().any(|(_, name)| name == node)
            }
            _ => true,
        };
        Ok(if is_there { words.to_vec() } else { vec!["apply", "--yes"] })
    }

    pub(super) fn json(&self, words: &[&str]) -> Result<Value, SweepError> {
        let ended = self.must(words)?;
        serde_json::from_str(&ended.stdout)
            .map_err(|error| SweepError::broken(format!("no JSON: {error}\n{}", ended.all())))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if self.stop_cloud().is_err() {
            eprintln!("the embedded cloud in {} did not stop", self.path().display());
        }
    }
}
