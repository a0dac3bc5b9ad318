//! How large user-data may be.

/// A cloud's limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserDataLimit {
    /// The cloud, as messages call it.
    pub cloud: &'static str,
    /// Bytes before any encoding.
    pub bytes: usize,
}

impl UserDataLimit {
    /// DigitalOcean: 64 KiB (`user_data` of the droplet API).
    pub const DIGITALOCEAN: UserDataLimit =
        UserDataLimit { cloud: "DigitalOcean", bytes: 64 * 1024 };
    /// AWS: 16 KiB, before base64 (EC2 instance user data).
    pub const AWS: UserDataLimit = UserDataLimit { cloud: "AWS", bytes: 16 * 1024 };

    /// Refuses text that is too long.
    pub fn check(&self, node: &str, text: &str) -> Result<(), UserDataError> {
        if text.len() <= self.bytes {
            return Ok(());
        }
        Err(UserDataError::TooLarge {
            node: node.into(),
            cloud: self.cloud,
            bytes: text.len(),
            limit: self.bytes,
        })
    }
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
