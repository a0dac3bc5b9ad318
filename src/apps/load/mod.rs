//! From files to checked objects.

mod check;
mod docker;
mod document;
mod dotenv;
mod files;
mod images;
mod manifests;
mod merge;
mod scalars;
mod secrets;
mod source;
mod variables;

pub(super) use manifests::{Loaded, Manifest, finish, load, read, rendered_objects};
pub use source::{DockerSecret, EnvSecret, ImagePolicy, SuiteSource};
pub(super) use variables::Variables;
