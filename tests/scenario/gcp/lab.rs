//! A folder with a cluster on the embedded cloud's Google part, which logs each call.

use std::process::Command;

use infra_test_utils::discovery::{Log, check_log, check_log_answers};

use crate::lab::{Lab, Ran, skipped};

pub const REGION: &str = "europe-west3";

/// Where the embedded cloud logs Google's calls, in its data folder.
const CALLS: &str = ".infra/sim/gcp-calls.jsonl";

/// A small cluster, a firewall rule and a zone.
const TOML: &str = r#"[cluster]
name = "lab"
provider = "gcp"
kubernetes = "1.36.2"
tags = ["team=shop"]

[network]
machines = "10.110.0.0/16"
pods = "10.200.0.0/13"
services = "10.96.0.0/16"

[providers.gcp]
region = "europe-west3"
zones = ["a"]

[pools.worker]
count = 1
type = "e2-standard-2"

[[firewall]]
to = "worker"
ports = "22"
from = ["203.0.113.0/24"]

[dns]
domain = "shop.example.com"
ttl = 300
"#;

/// Where Google's APIs answer, and as whom.
pub struct Google {
    pub url: String,
    pub token: String,
    pub project: String,
}

/// A folder and its embedded cloud.
pub struct GcpLab {
    pub lab: Lab,
}

impl GcpLab {
    /// A folder with a small cluster's file.
    pub fn new() -> Self {
        Self::with(TOML)
    }

    /// A folder with this file.
    pub fn with(toml: &str) -> Self {
        let lab = Lab::with(toml);
        std::fs::create_dir_all(lab.file(".infra/sim")).unwrap();
        lab.write(".infra/sim/settings.json", r#"{"gcp_log": true}"#);
        Self { lab }
    }

    /// A program in the folder, without anything that leads it to an account.
    pub fn clean(&self, program: &str) -> Command {
        let mut command = self.lab.clean(program);
        isolate(&mut command);
        command
    }

    /// The binary on the embedded cloud.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = self.lab.bare(words);
        isolate(&mut command);
        command.args(["--provider", "gcp", "--sim", "--sim-speed", "10"]);
        command
    }

    /// Runs it to its end.
    pub fn run(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.command(words))
    }

    /// Returns where others reach the embedded cloud.
    pub fn google(&self) -> Google {
        let endpoint = self.lab.endpoint();
        let gcp = &endpoint["gcp"];
        let text = |name: &str| gcp[name].as_str().unwrap().to_owned();
        let url = format!("http://127.0.0.1:{}", gcp["port"]);
        Google { url, token: text("token"), project: text("project") }
    }

    /// The verdict about all calls so far; `None`, and a loud word, where there are no documents.
    pub fn calls(&self) -> Option<Log> {
        judged(check_log(&self.lab.file(CALLS)))
    }

    /// Panics if an answer does not fit the vendor's documents, whoever asked.
    #[track_caller]
    pub fn assert_answers_fit(&self) {
        if let Some(log) = judged(check_log_answers(&self.lab.file(CALLS))) {
            log.assert_clean();
        }
    }
}

fn judged(log: Option<Log>) -> Option<Log> {
    if log.is_none() {
        skipped("no discovery documents (INFRA_DISCOVERY): Google's calls are not judged");
    }
    log
}

/// Takes away what a person's environment says about Google.
fn isolate(command: &mut Command) {
    let is_googles = |name: &str| {
        ["CLOUDSDK_", "GOOGLE_", "GCLOUD_", "GCE_"].iter().any(|prefix| name.starts_with(prefix))
    };
    for (name, _) in std::env::vars().filter(|(name, _)| is_googles(name)) {
        command.env_remove(name);
    }
}
