//! Where a machine runs, as its boot sees it.

use crate::userdata::UserDataLimit;

/// What a machine finds around it when it boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Platform {
    /// Metadata as DigitalOcean serves it; the bucket by presigned URLs that end after an hour.
    #[default]
    DigitalOcean,
    /// Metadata by session tokens (IMDSv2); the bucket as the machine, by its instance profile.
    Ec2,
}

impl Platform {
    /// Returns how long user-data may be.
    pub fn limit(self) -> UserDataLimit {
        match self {
            Self::DigitalOcean => UserDataLimit::DIGITALOCEAN,
            Self::Ec2 => UserDataLimit::AWS,
        }
    }
}
