//! The journal of rotations, as a run sees it.

use std::sync::PoisonError;

use super::{error::CliError, open::Session};
use crate::rotate::Generations;

impl Session {
    /// Returns the rotations that this run wants, or else those that are written down.
    ///
    /// # Errors
    /// Returns an error if the file cannot be read.
    pub fn rotations(&self) -> Result<Generations, CliError> {
        let wanted = self.rotations_wanted.lock().unwrap_or_else(PoisonError::into_inner);
        match wanted.as_ref() {
            Some(wanted) => Ok(wanted.clone()),
            None => Ok(Generations::read(&self.layout.state)?),
        }
    }

    /// Lets everything that is planned from now on see `rotations`, which nobody has agreed to yet: they are not
    /// written down.
    pub fn want_rotations(&self, rotations: &Generations) {
        let mut wanted = self.rotations_wanted.lock().unwrap_or_else(PoisonError::into_inner);
        *wanted = Some(rotations.clone());
    }

    /// Writes the rotations down: from then on a run that is interrupted resumes with them. The lock must be held.
    ///
    /// # Errors
    /// Returns an error if they cannot be written.
    pub async fn keep_rotations(&self, rotations: &Generations) -> Result<(), CliError> {
        rotations.write(&self.layout.state)?;
        *self.rotations_wanted.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.keep().await
    }
}
