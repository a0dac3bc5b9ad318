//! infra.toml: parse, overlay, validate.
//!
//! The way of a file: text -> [`tree`] (values with positions) -> overlay -> `check` against the
//! schema (unknown keys, types) -> [`raw::Raw`] -> `resolve` (meaning, defaults) -> [`Project`].

mod check;
pub mod diagnostic;
mod load;
mod project;
pub mod raw;
mod resolve;
mod schema;
mod starter;
pub mod tree;
mod values;

pub use diagnostic::SpecErrors;
pub use load::{LoadError, Options, load, read};
pub use project::{
    AcmeConfig, AddonsConfig, AppsConfig, BucketConfig, CertificateConfig, Challenge,
    DockerSecretConfig, EnvSecretConfig, FROM_GIT, FileSecretConfig, IngressConfig,
    KubernetesConfig, OpenConfig, Project, TlsConfig, TlsFile, TlsIssuer, TlsTarget,
};
pub use schema::schema;
pub use starter::STARTER;
pub use values::{label, near_label};
