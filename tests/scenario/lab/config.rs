//! infra.toml for tests.

use infra_test_utils::{ClusterToml, POD_RANGE};

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
        ClusterToml::new("lab")
            .pinned()
            .pod_range(POD_RANGE)
            .control_planes(control_planes)
            .workers(workers)
            .to_string()
    }

    pub fn lab(self) -> Lab {
        Lab::with(&self.toml())
    }
}

/// The quickstart, as it is in the examples.
pub fn quickstart() -> Lab {
    Lab::example("quickstart")
}
