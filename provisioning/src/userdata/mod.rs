//! What the cloud hands to a new machine.

mod cloud_config;
mod env;
mod limit;

pub use cloud_config::cloud_config;
pub(crate) use env::mask_url;
pub use env::{BootEnv, StorePlace};
pub use limit::UserDataError;
