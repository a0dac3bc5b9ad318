//! What else is kept: plans by generation, and small documents of other parts.

use super::{Store, StoreError};
use crate::engine::plan::Plan;

/// Plans kept; older ones are removed.
const PLANS_MAX: usize = 20;

impl Store {
    /// Keeps `plan` in the history, under the generation it was made from.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn keep_plan(&self, plan: &Plan) -> Result<(), StoreError> {
        let name = format!("plans/{:010}.json", plan.generation);
        let bytes = plan.to_json().map_err(|error| StoreError::Damaged {
            name: name.clone(),
            reason: error.to_string(),
        })?;
        self.backend.replace(&name, bytes).await?;
        let names = self.backend.list("plans/").await?;
        for old in names.iter().take(names.len().saturating_sub(PLANS_MAX)) {
            self.backend.remove(old).await?;
        }
        Ok(())
    }

    /// A document of another part (`rotations/worker-1.json`), if there is one.
    ///
    /// # Errors
    /// It can't be read.
    pub async fn document(&self, name: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.backend.read(name).await
    }

    /// Keeps a document of another part, whole or not at all.
    ///
    /// # Errors
    /// It can't be written.
    pub async fn keep_document(&self, name: &str, bytes: Vec<u8>) -> Result<(), StoreError> {
        self.backend.replace(name, bytes).await
    }

    /// Removes a document of another part.
    ///
    /// # Errors
    /// It can't be removed.
    pub async fn remove_document(&self, name: &str) -> Result<(), StoreError> {
        self.backend.remove(name).await
    }
}
