//! What the cloud hands to a new machine.

mod cloud_config;
mod env;
mod limit;

pub use cloud_config::cloud_config;
pub use env::BootEnv;
pub(crate) use env::mask_url;
pub use limit::{UserDataError, UserDataLimit};
