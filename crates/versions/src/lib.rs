//! Which versions this program installs, and until when their makers support them.

mod catalog;
mod component;
mod error;
mod finding;

pub use catalog::{Versions, versions};
pub use component::{Component, Digest, Image};
pub use error::VersionsError;
pub use finding::{Finding, LOOK_DAYS_MAX};

/// Returns the minor version of `1.36.4` or `v1.36.4`: `1.36`.
///
/// # Errors
/// Returns an error when the text is no version.
pub fn minor_of(version: &str) -> Result<String, VersionsError> {
    let plain = version.strip_prefix('v').unwrap_or(version);
    let mut parts = plain.split('.');
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) if !major.is_empty() && !minor.is_empty() => {
            Ok(format!("{major}.{minor}"))
        }
        _ => Err(VersionsError::NotAVersion(version.to_owned())),
    }
}
