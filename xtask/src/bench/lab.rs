//! A folder with a cluster in it, and its embedded cloud.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

use super::measure::{Measured, measure};

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The release binary can't be built.
    #[error("the release binary can't be built")]
    Build,
    /// A command failed.
    #[error("`infra {words}` ended with {status}; its output is in {}", log.display())]
    Failed {
        /// The command.
        words: String,
        /// How it ended.
        status: String,
        /// What it printed.
        log: PathBuf,
    },
    /// A file or a program can't be used.
    #[error("{path}: {reason}")]
    File {
        /// Which.
        path: String,
        /// Why.
        reason: String,
    },
}

impl BenchError {
    pub(super) fn file(path: &Path, error: &io::Error) -> Self {
        Self::File { path: path.display().to_string(), reason: error.to_string() }
    }
}

/// Variables that would lead a run to another account or cluster.
const FOREIGN: [&str; 8] = [
    "DIGITALOCEAN_TOKEN",
    "DIGITALOCEAN_ACCESS_TOKEN",
    "DIGITALOCEAN_API_URL",
    "SPACES_ACCESS_KEY_ID",
    "SPACES_SECRET_ACCESS_KEY",
    "SPACES_ENDPOINT_URL",
    "SSL_CERT_FILE",
    "KUBECONFIG",
];

/// A folder with an infra.toml. Its embedded cloud is stopped when it goes out of scope.
pub(super) struct Lab {
    infra: PathBuf,
    folder: Option<TempDir>,
    path: PathBuf,
}

impl Lab {
    pub(super) fn new(infra: &Path, toml: &str) -> Result<Self, BenchError> {
        let folder = tempfile::Builder::new().prefix("infra-bench-").tempdir();
        let folder = folder.map_err(|error| BenchError::file(&std::env::temp_dir(), &error))?;
        let path = folder.path().to_owned();
        let file = path.join("infra.toml");
        fs::write(&file, toml).map_err(|error| BenchError::file(&file, &error))?;
        Ok(Self { infra: infra.to_owned(), folder: Some(folder), path })
    }

    /// Runs the binary to its end; it must end well.
    pub(super) fn run(&mut self, words: &[&str]) -> Result<Measured, BenchError> {
        let log = self.path.join("output.log");
        let file = fs::File::create(&log).map_err(|error| BenchError::file(&log, &error))?;
        let errors = file.try_clone().map_err(|error| BenchError::file(&log, &error))?;
        let mut command = Command::new(&self.infra);
        command.current_dir(&self.path).args(words);
        command.stdin(Stdio::null()).stdout(file).stderr(errors);
        for name in FOREIGN {
            command.env_remove(name);
        }
        let measured = measure(&mut command).map_err(|e| BenchError::file(&self.infra, &e))?;
        if measured.status.success() {
            return Ok(measured);
        }
        // What it printed is of interest, so the folder stays.
        let path = self.folder.take().map_or_else(|| self.path.clone(), TempDir::keep);
        Err(BenchError::Failed {
            words: words.join(" "),
            status: measured.status.to_string(),
            log: path.join("output.log"),
        })
    }

    /// Returns what the last command printed.
    pub(super) fn output(&self) -> String {
        fs::read_to_string(self.path.join("output.log")).unwrap_or_default()
    }

    /// Runs the binary on the embedded cloud to its end; it must end well.
    pub(super) fn infra(&mut self, words: &[&str]) -> Result<Measured, BenchError> {
        self.run(&[words, &["--provider", "do", "--sim"]].concat())
    }

    /// Asks for the calls since the last time this was asked, by "METHOD /template".
    pub(super) fn calls(&mut self) -> Result<BTreeMap<String, u64>, BenchError> {
        self.run(&["sim", "calls", "--reset", "--json"])?;
        let text = self.output();
        serde_json::from_str(&text).map_err(|error| BenchError::File {
            path: "sim calls".into(),
            reason: error.to_string(),
        })
    }

    /// Returns the bytes of a file, 0 if there is none.
    pub(super) fn size(&self, name: &str) -> u64 {
        fs::metadata(self.path.join(name)).map_or(0, |meta| meta.len())
    }

    /// Returns the most memory that the embedded cloud has had so far, in bytes.
    pub(super) fn cloud_memory(&self) -> u64 {
        let text = fs::read_to_string(self.path.join(".infra/sim/endpoint.json"));
        let endpoint: serde_json::Value =
            serde_json::from_str(&text.unwrap_or_default()).unwrap_or_default();
        endpoint["pid"].as_u64().map_or(0, |pid| super::measure::most_memory(pid).unwrap_or(0))
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let mut stop = Command::new(&self.infra);
        stop.current_dir(&self.path).args(["sim", "stop"]);
        let _ = stop.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}
