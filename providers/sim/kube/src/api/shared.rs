//! Shared state: the part of an API server that all API servers of one cluster have in common.

use super::auth::Authenticator;
use crate::{ClusterOptions, KubeError, Store};

/// What the API servers of one cluster share.
pub(crate) struct Shared {
    pub(crate) authenticator: Authenticator,
    /// Taken by writes that look at other objects first (addresses and ports of Services).
    pub(crate) allocation: tokio::sync::Mutex<()>,
}

impl Shared {
    /// Opens the authenticator, whose signing key is kept in the cluster's folder.
    ///
    /// # Errors
    /// Returns an error if the signing key cannot be read or written.
    pub(crate) fn open(store: &Store, options: &ClusterOptions) -> Result<Self, KubeError> {
        let accounts = options.managed.as_ref().map(|managed| managed.accounts.clone());
        let authenticator = Authenticator::open(store.clone(), &options.dir, accounts)?;
        Ok(Self { authenticator, allocation: tokio::sync::Mutex::new(()) })
    }
}
