//! What can go wrong with the store.

use std::io;

use uuid::Uuid;

use crate::journal::JournalError;

/// What can go wrong with the store. Cheap to clone: one failed write fails all that wait for it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// A file can't be read or written.
    #[error("can't {what} {name}: {reason}")]
    Io {
        /// `read`, `write`, `append to`, …
        what: &'static str,
        /// Which file.
        name: String,
        /// What the system says.
        reason: String,
        /// The disk is full.
        full: bool,
    },
    /// The journal can't be used.
    #[error("{name}: {source}")]
    Journal {
        /// Which file.
        name: String,
        /// Why.
        source: JournalError,
    },
    /// A later version of this program wrote it.
    #[error("{name} has format {found}, which is newer than this program")]
    Newer {
        /// Which file.
        name: String,
        /// The format found.
        found: u64,
    },
    /// A file is damaged.
    #[error("{name} is damaged: {reason}")]
    Damaged {
        /// Which file.
        name: String,
        /// What is wrong.
        reason: String,
    },
    /// The lease ran out, or somebody took it over: this process may do nothing more.
    #[error("the lock was lost{}", by.as_ref().map(|by| format!(": {by}")).unwrap_or_default())]
    Fenced {
        /// Who holds it now, where known.
        by: Option<String>,
    },
    /// An object of a signed state is not signed by anybody who may.
    #[error("{name} can't be trusted: {reason}")]
    Untrusted {
        /// Which object.
        name: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// The journal ends before what this machine has seen of it.
    #[error("{name} was set back: this machine has seen {seen} objects of it, now it has {end}")]
    SetBack {
        /// Which journal.
        name: String,
        /// Number of the last object that was seen.
        seen: u64,
        /// Number of the last one that is still the same.
        end: u64,
    },
    /// The store makes conditional writes whatever their condition says.
    #[error(
        "{name} ignores the conditions of conditional writes ({what}), so that two runs could both take the lock"
    )]
    IgnoresConditions {
        /// Which store.
        name: String,
        /// What it let through.
        what: &'static str,
    },
    /// The folder belongs to another cluster.
    #[error("{name} belongs to cluster {cluster} ({uuid})")]
    OtherCluster {
        /// Which file.
        name: String,
        /// That cluster's name.
        cluster: String,
        /// That cluster's UUID.
        uuid: Uuid,
    },
}

impl StoreError {
    pub(crate) fn io(what: &'static str, name: impl Into<String>, error: &io::Error) -> Self {
        use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
        let full = matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge);
        Self::Io { what, name: name.into(), reason: error.to_string(), full }
    }

    /// Returns a hint for the user.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Io { full: true, .. } => {
                Some("free some space and run the same command again; nothing is lost".to_owned())
            }
            Self::Newer { .. } | Self::Journal { source: JournalError::Newer { .. }, .. } => {
                Some("use the version of infra that wrote it, or a later one".to_owned())
            }
            Self::Journal { name, source: JournalError::Corrupt { .. } } => Some(format!(
                "move {name} aside and apply again: what exists is found in the cloud and adopted"
            )),
            Self::Damaged { name, .. } => Some(format!("move {name} aside and apply again")),
            Self::OtherCluster { .. }
            | Self::Journal { source: JournalError::OtherCluster { .. }, .. } => {
                Some("another cluster's files lie in this folder; move them aside".to_owned())
            }
            Self::Fenced { .. } => {
                Some("what is done is recorded; run the same command again".to_owned())
            }
            Self::Untrusted { .. } => Some(
                "somebody wrote it who has no key of the state; find out who may write to the bucket, and bring back an earlier version of the object"
                    .to_owned(),
            ),
            Self::SetBack { .. } => Some(
                "bring the missing objects back; if it was set back on purpose, remove signing.json from the cluster's folder below .infra on this machine"
                    .to_owned(),
            ),
            Self::IgnoresConditions { .. } => Some(
                "keep the state in a store that honours If-None-Match and If-Match (S3, Spaces, MinIO do), or on this machine: remove [state] from infra.toml"
                    .to_owned(),
            ),
            Self::Io { .. } => None,
        }
    }
}
