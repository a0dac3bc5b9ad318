//! One run of the tool: what the file says, the cloud it is about, the record, the kinds.

pub mod artifact_lock;
mod clock;
mod declare;
mod error;
mod generations;
mod inputs;
mod lock;
mod look;
mod needed;
mod neighbours;
mod obstacles;
mod open;
mod plan;
mod quorum;
mod record;
mod served;
pub mod sim;
mod suites;
mod sweep;
mod versions;

pub use clock::{certificates_clock, validity};
pub use error::{ExitCode, Failure};
pub use lock::ClusterLock;
pub use look::{Looked, Purpose};
pub use open::{Connected, Places, Session, SessionOptions};
pub use plan::Planned;
pub use record::OpenRecord;
pub use suites::{SuiteOptions, app_seed, app_source};
pub use versions::known_version;
