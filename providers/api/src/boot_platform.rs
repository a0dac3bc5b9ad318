//! Boot platform: what a machine finds around it when it boots, as data.

/// How a booting machine reaches the cluster's bucket, and who tells it what it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BucketAccess {
    /// By URLs that this program signs and that end after an hour. The metadata service answers plain
    /// requests below `/metadata/v1`.
    PresignedUrls,
    /// By requests that the machine signs itself, with the credentials of the role that all machines
    /// share. Its files are handed over to it once it exists. The metadata service speaks EC2's dialect,
    /// with session tokens (IMDSv2).
    AsMachine,
}

/// What a machine finds around it when it boots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootPlatform {
    /// The cloud, as messages call it.
    pub cloud: &'static str,
    /// How many bytes of user-data it takes, before any encoding.
    pub user_data_max: usize,
    /// How machines reach the bucket.
    pub bucket_access: BucketAccess,
}

impl BootPlatform {
    /// Returns true where machines sign their own requests: there a machine's files become its own by
    /// a handover, and it reports as itself.
    pub fn signs_itself(&self) -> bool {
        self.bucket_access == BucketAccess::AsMachine
    }
}
