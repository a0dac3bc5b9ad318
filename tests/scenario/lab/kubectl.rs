//! The real kubectl, with the kubeconfig that apply wrote.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use super::{Lab, Ran, skipped};

/// kubectl on the cluster of a folder.
pub struct Kubectl {
    kubeconfig: PathBuf,
    cache: PathBuf,
}

impl Kubectl {
    /// `None`, and a loud word, where there is no kubectl.
    pub fn of(lab: &Lab, cluster: &str) -> Option<Self> {
        Self::at(lab, &lab.file("ssl").join(cluster).join("kubeconfig"))
    }

    /// The same with any kubeconfig.
    pub fn at(lab: &Lab, kubeconfig: &Path) -> Option<Self> {
        let there = Command::new("kubectl").args(["version", "--client"]).output();
        if !there.is_ok_and(|output| output.status.success()) {
            skipped("no kubectl on this machine: nodes and pods are not checked with it");
            return None;
        }
        Some(Self { kubeconfig: kubeconfig.to_owned(), cache: lab.file(".kube-cache") })
    }

    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new("kubectl");
        command.arg("--kubeconfig").arg(&self.kubeconfig);
        command.arg("--cache-dir").arg(&self.cache).args(words);
        command
    }

    pub fn run(&self, words: &[&str]) -> Ran {
        Ran::of(&mut self.command(words))
    }

    /// Lines of a `get … --no-headers`, as columns.
    pub fn rows(&self, words: &[&str]) -> Vec<Vec<String>> {
        let ran = self.run(&[&["get", "--no-headers"], words].concat()).ok();
        let columns = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        ran.stdout.lines().map(columns).collect()
    }

    /// Names of Nodes that are Ready (and not cordoned), sorted.
    pub fn ready_nodes(&self) -> Vec<String> {
        let mut ready: Vec<String> = self
            .rows(&["nodes"])
            .into_iter()
            .filter(|row| row[1] == "Ready")
            .map(|row| row[0].clone())
            .collect();
        ready.sort();
        ready
    }

    /// Pods of a namespace that do not run.
    pub fn broken_pods(&self, namespace: &str) -> Vec<Vec<String>> {
        let pods = self.rows(&["pods", "-n", namespace]);
        assert!(!pods.is_empty(), "no pods in {namespace}");
        pods.into_iter().filter(|row| row[2] != "Running").collect()
    }
}
