//! One change to the folder.

use std::fmt;
use std::path::PathBuf;

use serde::Serialize;

/// What is done to one thing in the folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It was not there.
    Create,
    /// Its end is near or past.
    Renew,
    /// It is not what is declared (names, subject, issuer, key).
    Reissue,
    /// A run was killed between two files of it; it is completed.
    Finish,
    /// Others could read it.
    TightenMode,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Action::Create => "create",
            Action::Renew => "renew",
            Action::Reissue => "re-issue",
            Action::Finish => "finish",
            Action::TightenMode => "tighten mode of",
        })
    }
}

/// One change, planned or made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// `ca`, `sa`, `admin`, `kubeconfig`, `bootstrap.secret`.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// The main file of it.
    pub path: PathBuf,
    /// Why.
    pub reason: String,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.action, self.name, self.reason)
    }
}
