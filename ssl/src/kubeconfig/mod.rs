//! Kubeconfigs: build, merge, file, and reading our own back.

mod build;
mod file;
mod merge;
mod own;

pub use build::{Credentials, ExecCredential, Kubeconfig};
pub use file::{default_kubeconfig_path, merge_file};
pub use merge::{MergeOptions, MergeReport, merge_text};
