//! What each run came to: `history/<run>.json`, and the state after it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Store, StoreError, snapshot};
use crate::{journal::Holder, resources::State};

/// Runs that are kept; older ones are removed.
const RUNS_MAX: usize = 20;
const VERSION: u32 = 1;
const PREFIX: &str = "history/";

/// What a run came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    version: u32,
    /// The run's number.
    pub run: u64,
    /// `apply`, `destroy`, …
    pub verb: String,
    /// Who.
    pub by: Holder,
    /// When it ended.
    pub ended_at: Timestamp,
    /// The environment it was for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// Resources created, updated, replaced, deleted.
    pub changed: [usize; 4],
    /// Steps that failed or were left out.
    pub undone: usize,
    /// What was recorded then.
    pub resources: usize,
    /// infra.toml as it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<String>,
}

impl History {
    /// Makes the history of a run by this process that has just ended. `changed` counts what was created,
    /// updated, replaced and deleted; `undone` counts what failed or was left out.
    pub fn of(
        verb: &str,
        changed: [usize; 4],
        undone: usize,
        environment: Option<String>,
        spec: Option<String>,
    ) -> Self {
        Self {
            version: VERSION,
            run: 0,
            verb: verb.to_owned(),
            by: Holder::this(),
            ended_at: Timestamp::now(),
            environment,
            changed,
            undone,
            resources: 0,
            spec,
        }
    }
}

fn summary(run: u64) -> String {
    format!("{PREFIX}{run:010}.json")
}

fn record_of(run: u64) -> String {
    format!("{PREFIX}{run:010}.record.json")
}

impl Store {
    /// Keeps what the last run came to, with the state as it is now. The lock must be held.
    ///
    /// # Errors
    /// Returns an error if it cannot be written.
    pub async fn keep_history(&self, mut history: History) -> Result<(), StoreError> {
        let record = self.state();
        history.run = record.run;
        history.resources = record.resources.len();
        let name = summary(record.run);
        let garbled = |error: serde_json::Error| StoreError::Damaged {
            name: name.clone(),
            reason: error.to_string(),
        };
        if record.run == 0 || self.backend.read(&name).await?.is_some() {
            return Ok(());
        }
        let bytes = snapshot::encode(&record, &self.owner).map_err(garbled)?;
        // The state first: what the summary names is there.
        self.backend.create_new(&record_of(record.run), bytes).await?;
        let bytes = serde_json::to_vec_pretty(&history).map_err(garbled)?;
        self.backend.create_new(&name, bytes).await?;
        let runs = self.runs().await?;
        for run in runs.iter().take(runs.len().saturating_sub(RUNS_MAX)) {
            self.backend.remove(&summary(*run)).await?;
            self.backend.remove(&record_of(*run)).await?;
        }
        Ok(())
    }

    /// Lists the numbers of the runs that are kept, in order.
    ///
    /// # Errors
    /// Returns an error if they cannot be listed.
    pub async fn runs(&self) -> Result<Vec<u64>, StoreError> {
        let names = self.backend.list(PREFIX).await?;
        let number = |name: &String| {
            let name = name.strip_prefix(PREFIX)?.strip_suffix(".json")?;
            name.parse::<u64>().ok()
        };
        let mut runs: Vec<u64> = names.iter().filter_map(number).collect();
        runs.sort_unstable();
        Ok(runs)
    }

    /// Reads the history of a run. Returns `None` if it is not kept.
    ///
    /// # Errors
    /// Returns an error if it cannot be read, is damaged or is from a newer version.
    pub async fn history(&self, run: u64) -> Result<Option<History>, StoreError> {
        let name = summary(run);
        let Some(bytes) = self.backend.read(&name).await? else { return Ok(None) };
        let damaged = |error: serde_json::Error| StoreError::Damaged {
            name: self.backend.describe(&name),
            reason: error.to_string(),
        };
        let value: serde_json::Value = serde_json::from_slice(&bytes).map_err(damaged)?;
        if let Some(found) = value["version"].as_u64().filter(|found| *found > u64::from(VERSION)) {
            return Err(StoreError::Newer { name: self.backend.describe(&name), found });
        }
        serde_json::from_value(value).map(Some).map_err(damaged)
    }

    /// Reads the state after a run. Returns `None` if it is not kept.
    ///
    /// # Errors
    /// Returns the errors of [`Store::history`], or an error if the state is another cluster's.
    pub async fn state_after(&self, run: u64) -> Result<Option<State>, StoreError> {
        let name = record_of(run);
        let Some(bytes) = self.backend.read(&name).await? else { return Ok(None) };
        snapshot::decode(&bytes, &self.backend.describe(&name), &self.owner).map(Some)
    }
}
