//! The folder, and running the binary there.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::{Ran, Watched};

/// Variables that would lead a run to another account or cluster.
const FOREIGN: [&str; 19] = [
    "DIGITALOCEAN_DNS_TOKEN",
    "INFRA_LOG",
    "INFRA_STATE_DIR",
    "DIGITALOCEAN_CLUSTER_TOKEN",
    "DIGITALOCEAN_TOKEN",
    "DIGITALOCEAN_ACCESS_TOKEN",
    "DIGITALOCEAN_API_URL",
    "SPACES_ACCESS_KEY_ID",
    "SPACES_SECRET_ACCESS_KEY",
    "SPACES_ENDPOINT_URL",
    "INFRA_STATE_IDENTITY",
    "INFRA_STATE_PASSPHRASE",
    "INFRA_STATE_PASSPHRASE_FILE",
    "INFRA_STATE_ACCEPT_UNSIGNED",
    "SSL_CERT_FILE",
    "KUBECONFIG",
    "GOOGLE_OAUTH_ACCESS_TOKEN",
    "GOOGLE_APPLICATION_CREDENTIALS",
    "GOOGLE_CLOUD_PROJECT",
];

/// A folder with an infra.toml; its embedded cloud is stopped when it goes out of scope, also when
/// the test panics.
pub struct Lab {
    folder: TempDir,
    /// The cloud that the embedded one stands in for.
    provider: &'static str,
}

impl Lab {
    /// An empty folder.
    pub fn empty() -> Self {
        let folder = tempfile::Builder::new().prefix("infra-scenario-").tempdir().unwrap();
        Self { folder, provider: "do" }
    }

    /// An empty folder for clusters on the cloud `provider`.
    pub fn empty_on(provider: &'static str) -> Self {
        let mut lab = Self::empty();
        lab.provider = provider;
        lab
    }

    /// The cloud that the embedded one stands in for.
    pub fn provider(&self) -> &'static str {
        self.provider
    }

    /// A folder with this infra.toml, of a cluster on the cloud `provider`.
    pub fn on(provider: &'static str, toml: &str) -> Self {
        let mut lab = Self::with(toml);
        lab.provider = provider;
        lab
    }

    /// A folder with this infra.toml.
    pub fn with(toml: &str) -> Self {
        let lab = Self::empty();
        lab.write("infra.toml", toml);
        lab
    }

    /// A copy of an example.
    pub fn example(name: &str) -> Self {
        let lab = Self::empty();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        copy(&from, lab.path());
        lab
    }

    /// A copy of an example in a folder of its name.
    pub fn add_example(&self, name: &str) {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(name);
        std::fs::create_dir_all(self.file(name)).unwrap();
        copy(&from, &self.file(name));
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) {
        if let Some(folder) = self.file(name).parent() {
            std::fs::create_dir_all(folder).unwrap();
        }
        std::fs::write(self.file(name), text).unwrap();
    }

    pub fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    /// The binary in the folder with these words and nothing else, in a clean environment.
    pub fn bare(&self, words: &[&str]) -> Command {
        let mut command = self.clean(env!("CARGO_BIN_EXE_infra"));
        command.args(words);
        command
    }

    /// Any program in the folder, in a clean environment.
    pub fn clean(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).stdin(Stdio::null());
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
    }

    /// The binary on the embedded cloud, whose clock runs ten times as fast.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.bare(words);
        command.args(["--provider", self.provider, "--sim", "--sim-speed", "10"]);
        command
    }

    /// Runs it on the embedded cloud to its end.
    pub fn run(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.command(words))
    }

    /// Runs it with these words alone to its end.
    pub fn run_bare(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.bare(words))
    }

    /// Starts it on the embedded cloud.
    pub fn start(&self, words: &[&str]) -> Watched {
        Watched::start(self.command(words))
    }

    /// How many lines the cluster's journal has.
    pub fn journal_lines(&self, cluster: &str) -> usize {
        let journal = self.file(".infra").join(cluster).join("journal");
        std::fs::read(journal).map_or(0, |bytes| bytes.iter().filter(|b| **b == b'\n').count())
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !self.file(".infra/sim").exists() {
            return;
        }
        let stopped = self.bare(&["sim", "stop"]).output();
        if !stopped.is_ok_and(|output| output.status.success()) {
            eprintln!("the embedded cloud in {} did not stop", self.path().display());
            self.kill_cloud();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), &target).unwrap();
        }
    }
}
