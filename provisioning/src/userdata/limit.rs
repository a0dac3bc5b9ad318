//! Limit of user-data: refuses what a cloud would not take.

use infra_provider_api::BootPlatform;

/// Refuses text that is longer than the cloud takes.
pub(super) fn check_length(
    platform: &BootPlatform,
    node: &str,
    text: &str,
) -> Result<(), UserDataError> {
    if text.len() <= platform.user_data_max {
        return Ok(());
    }
    Err(UserDataError::TooLarge {
        node: node.into(),
        cloud: platform.cloud,
        bytes: text.len(),
        limit: platform.user_data_max,
    })
}

/// Errors of making user-data.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UserDataError {
    /// Longer than the cloud takes.
    #[error("the user-data of {node} has {bytes} bytes; {cloud} takes at most {limit}")]
    TooLarge {
        /// Node name.
        node: String,
        /// The cloud.
        cloud: &'static str,
        /// Its size.
        bytes: usize,
        /// The most it may be.
        limit: usize,
    },
    /// A value that cannot stand in a shell file.
    #[error("the boot environment of {node}: {name} has a character that it cannot have")]
    Unquotable {
        /// Node name.
        node: String,
        /// Variable.
        name: &'static str,
    },
    /// Writing YAML failed.
    #[error("the user-data of {node} cannot be written: {reason}")]
    Yaml {
        /// Node name.
        node: String,
        /// The library's reason.
        reason: String,
    },
}
