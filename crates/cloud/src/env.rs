//! Environment of a cloud: where endpoints and credentials come from.

use std::collections::BTreeMap;

/// Where endpoints and credentials come from: the environment, or the embedded cloud.
#[derive(Clone, Debug, Default)]
pub struct CloudEnv {
    /// Overrides of environment variables; with `only`, nothing else is looked at.
    pub variables: BTreeMap<String, String>,
    /// Never look at the real environment: a run with `--sim` can't touch a real cloud.
    pub only: bool,
    /// A certificate authority to trust instead of the system's (PEM).
    pub ca_pem: Option<String>,
    /// How much faster than real time the cloud's clock runs, where it is not real.
    pub clock_speed: Option<f64>,
    /// The variable with the token of the cluster's own controllers, where infra.toml names one.
    pub cluster_token: Option<String>,
    /// The variable with the token for challenges by DNS, where infra.toml names one.
    pub dns_token: Option<String>,
}

impl CloudEnv {
    /// Returns the value of an environment variable.
    pub fn get(&self, name: &str) -> Option<String> {
        match self.variables.get(name) {
            Some(value) => Some(value.clone()),
            None if self.only => None,
            None => std::env::var(name).ok(),
        }
    }

    /// Returns the value of an environment variable, unless it is empty.
    pub fn filled(&self, name: &str) -> Option<String> {
        self.get(name).filter(|value| !value.is_empty())
    }
}
