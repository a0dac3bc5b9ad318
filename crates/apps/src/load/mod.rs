//! From files to checked objects.

mod check;
mod child;
mod credential_helper;
mod docker;
mod document;
mod dotenv;
mod files;
mod hash_names;
mod images;
mod ingresses;
mod kustomize;
mod manifest;
mod manifests;
mod merge;
mod nesting;
mod overlay;
mod references;
mod remote_bases;
mod scalars;
mod secrets;
mod served;
mod singleton;
mod source;
mod variables;
mod version;

pub(super) use kustomize::file_of as kustomization_of;
pub(super) use manifest::Manifest;
pub(super) use manifests::{Loaded, finish, load, read, rendered_objects};
pub use served::ingress_namespaces;
pub(super) use served::is_ingress;
pub use source::{DockerSecret, EnvSecret, FileSecret, ImagePolicy, IngressDefaults, SuiteSource};
pub(super) use variables::Variables;
pub(super) use version::filled as with_version;
