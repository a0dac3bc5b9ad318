//! Why a reconcile did not finish.

use thiserror::Error;

use crate::{CloudError, StoreError};

/// A failed reconcile; the key is tried again with a growing pause.
#[derive(Debug, Error)]
pub enum ControllerError {
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The cloud refused.
    #[error(transparent)]
    Cloud(#[from] CloudError),
    /// What was read makes no sense to the controller.
    #[error("{0}")]
    Invalid(String),
}
