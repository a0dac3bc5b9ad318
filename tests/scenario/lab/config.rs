//! infra.toml for tests.

use super::Lab;

/// A small cluster without apps.
#[derive(Clone, Copy, Debug)]
pub struct Config {
    pub control_planes: usize,
    pub workers: usize,
}

impl Config {
    pub fn toml(self) -> String {
        let Self { control_planes, workers } = self;
        format!(
            r#"[cluster]
name = "lab"
provider = "do"
kubernetes = "1.36.2"

[network]
machines = "10.110.0.0/16"
pods = "10.200.0.0/13"
services = "10.96.0.0/16"

[providers.do]
region = "fra1"
image = "ubuntu-24-04-x64"

[pools.control-plane]
count = {control_planes}
type = "s-2vcpu-4gb"

[pools.worker]
count = {workers}
type = "s-2vcpu-4gb"
"#
        )
    }

    pub fn lab(self) -> Lab {
        Lab::with(&self.toml())
    }
}

/// The quickstart, as it is in the examples.
pub fn quickstart() -> Lab {
    Lab::example("quickstart")
}
