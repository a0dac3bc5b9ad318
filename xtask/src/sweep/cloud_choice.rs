//! The cloud that is swept.

use clap::ValueEnum;
use infra_sim::FaultApi;

/// The cloud that the embedded one stands in for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Provider {
    /// DigitalOcean: a cluster on machines of its own.
    #[default]
    Do,
    /// Google Cloud: a cluster on GKE.
    Gcp,
}

impl Provider {
    /// Returns its name, as infra.toml has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Gcp => "gcp",
        }
    }

    /// Returns its API, as faults name it.
    pub(super) fn api(self) -> FaultApi {
        match self {
            Self::Do => FaultApi::Digitalocean,
            Self::Gcp => FaultApi::Gcp,
        }
    }
}
