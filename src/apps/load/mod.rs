//! From files to checked objects.

mod check;
mod document;
mod docker;
mod dotenv;
mod files;
mod images;
mod manifests;
mod merge;
mod scalars;
mod secrets;
mod source;
mod variables;

pub(super) use manifests::{Loaded, Manifest, finish, load, read};
pub(super) use variables::Variables;
pub use source::{DockerSecret, EnvSecret, ImagePolicy, SuiteSource};
