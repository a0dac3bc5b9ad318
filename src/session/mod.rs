//! One run of the tool: what the file says, the cloud it is about, the state, the kinds.

mod api_address;
pub mod artifact_lock;
mod boot_failures;
mod clock;
mod encryption;
mod error;
mod generations;
mod inputs;
mod kubelet_serving;
mod lock;
mod neighbours;
mod observe;
mod observe_scope;
mod obstacles;
mod open;
mod outlived;
mod own_address;
mod plan;
mod quorum;
mod served;
pub mod sim;
mod site_certificates;
mod state;
mod suite_catalog;
mod sweep;
mod versions;

pub use clock::{certificates_clock, validity};
pub use error::{CliError, ExitCode};
pub use lock::ClusterLock;
pub use observe::{Observation, Purpose};
pub use open::{Connected, Session, SessionOptions};
pub use plan::Planned;
pub use site_certificates::check_site_certificates;
pub use state::OpenState;
pub use suite_catalog::{SuiteOptions, app_seed, app_source};
pub use versions::known_version;
