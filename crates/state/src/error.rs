//! Why the state cannot be used: what failed, and what to do.

use std::fmt;

use crate::{LockError, StoreError};

/// What kind of trouble it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateErrorKind {
    /// The state is missing, damaged, not to be trusted, or cannot be written.
    Damaged,
    /// Credentials or keys are missing or refused.
    Credentials,
    /// What infra.toml says of the state is wrong.
    Invalid,
    /// Another run holds the lock, or has taken it over.
    Locked,
    /// The user interrupted a question.
    Interrupted,
    /// This machine failed: memory, a thread, the terminal.
    Local,
}

/// Why the state cannot be used.
#[derive(Clone, Debug)]
pub struct StateError {
    /// What kind of trouble it is.
    pub kind: StateErrorKind,
    /// What failed, on what, and why.
    pub message: String,
    /// What to do.
    pub hints: Vec<String>,
}

impl StateError {
    /// Makes an error without a hint.
    pub fn new(kind: StateErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hints: Vec::new() }
    }

    /// Adds a hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// Makes an error from one of this machine.
    pub fn local(error: impl fmt::Display) -> Self {
        Self::new(StateErrorKind::Local, error.to_string())
    }
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for StateError {}

impl From<StoreError> for StateError {
    fn from(error: StoreError) -> Self {
        let kind = match error {
            StoreError::Fenced { .. } => StateErrorKind::Locked,
            _ => StateErrorKind::Damaged,
        };
        let mut found = Self::new(kind, error.to_string());
        found.hints.extend(error.hint());
        found
    }
}

impl From<LockError> for StateError {
    fn from(error: LockError) -> Self {
        let other = match error {
            LockError::Store(error) => return error.into(),
            LockError::Held { lease } => {
                let message = LockError::Held { lease: lease.clone() }.to_string();
                let wait = "wait for it with --lock-timeout 5m; the lock of a dead process runs out by itself";
                let found = Self::new(StateErrorKind::Locked, message).hint(wait);
                let id = lease.map(|lease| lease.id).filter(|id| !id.is_empty());
                return match id {
                    Some(id) => found
                        .hint(format!("`infra state unlock {id}`, if its holder is surely gone")),
                    None => found,
                };
            }
            other => other,
        };
        Self::new(StateErrorKind::Damaged, other.to_string())
    }
}
