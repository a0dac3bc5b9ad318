//! Operation of Compute: a call that takes longer than its answer.

use serde::Deserialize;

/// An operation.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Operation {
    pub(crate) name: String,
    /// `PENDING`, `RUNNING` or `DONE`.
    pub(crate) status: String,
    pub(crate) progress: u32,
    pub(crate) operation_type: String,
    pub(crate) zone: Option<String>,
    pub(crate) region: Option<String>,
    pub(crate) error: Option<OperationErrors>,
    pub(crate) http_error_status_code: Option<u16>,
    pub(crate) http_error_message: Option<String>,
}

/// Why an operation failed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OperationErrors {
    pub(crate) errors: Vec<OperationError>,
}

/// One of the reasons.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct OperationError {
    pub(crate) code: String,
    pub(crate) message: String,
}

impl Operation {
    pub(crate) fn is_done(&self) -> bool {
        self.status == "DONE"
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.error.is_some() || self.http_error_status_code.is_some_and(|status| status >= 400)
    }
}
