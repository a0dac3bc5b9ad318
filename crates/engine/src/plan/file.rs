//! The plan as a file, and whether it still holds.

use infra_provider_api::{Declared, Owner, Readiness};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Change, PLAN_VERSION, Plan, canonical};
use crate::observe::Observations;
use infra_state::State;

/// Why a plan file can't be applied.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It is no plan.
    #[error("this is not a plan file: {0}")]
    Malformed(String),
    /// A later version of this program wrote it.
    #[error("the plan file has format {found}, this program reads up to {PLAN_VERSION}")]
    Newer {
        /// The format found.
        found: u64,
    },
    /// It belongs to another cluster.
    #[error("the plan was made for cluster {cluster}, not for {wanted}")]
    OtherCluster {
        /// The plan's cluster, with its UUID.
        cluster: String,
        /// This cluster.
        wanted: String,
    },
    /// Something has moved since.
    #[error("the plan is stale: {what} changed since it was made at {created_at}")]
    Stale {
        /// What moved.
        what: String,
        /// When the plan was made.
        created_at: jiff::Timestamp,
    },
    /// It says something that infra.toml does not lead to: the file was edited.
    #[error("the plan file was changed after it was made: {what}")]
    Edited {
        /// What differs.
        what: String,
    },
}

impl Plan {
    /// Writes the plan as a file. It holds no secrets, because specs hold only digests of them.
    ///
    /// # Errors
    /// Returns an error if it cannot be written as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, PlanFileError> {
        serde_json::to_vec(self).map_err(|error| PlanFileError::Malformed(error.to_string()))
    }

    /// Reads a plan from a file.
    ///
    /// # Errors
    /// Returns an error if the file is no plan, is from a newer version or is of another cluster.
    pub fn from_json(bytes: &[u8], owner: &Owner) -> Result<Self, PlanFileError> {
        let garbled = |error: serde_json::Error| PlanFileError::Malformed(error.to_string());
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(garbled)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(found) if found > u64::from(PLAN_VERSION) => {
                return Err(PlanFileError::Newer { found });
            }
            Some(_) => {}
            None => return Err(PlanFileError::Malformed("it has no version".to_owned())),
        }
        let plan: Self = serde_json::from_value(value).map_err(garbled)?;
        if plan.owner != *owner {
            return Err(PlanFileError::OtherCluster {
                cluster: format!("{} ({})", plan.owner.cluster, plan.owner.uuid),
                wanted: format!("{} ({})", owner.cluster, owner.uuid),
            });
        }
        Ok(plan)
    }

    /// Checks that the plan still holds, given the world as it is now.
    ///
    /// # Errors
    /// Returns [`PlanFileError::Stale`] if it does not.
    pub fn check_fresh(
        &self,
        declared: &[Declared],
        observed: &Observations,
        record: &State,
    ) -> Result<(), PlanFileError> {
        let now = fingerprint(declared, observed, record);
        let mut moved = Vec::new();
        for ((what, then), now) in ["infra.toml", "the cloud", "the state"]
            .iter()
            .zip(self.fingerprint.split('-'))
            .zip(now.split('-'))
        {
            if then != now {
                moved.push(*what);
            }
        }
        if self.fingerprint == now {
            return Ok(());
        }
        Err(PlanFileError::Stale { what: moved.join(" and "), created_at: self.created_at })
    }

    /// Checks that the plan says what `now`, planned from the same world, says. Then `now` is what
    /// is done: nothing that a file says is ever taken over from it.
    ///
    /// # Errors
    /// Returns [`PlanFileError::Edited`] if it does not.
    pub fn check_content(&self, now: &Self) -> Result<(), PlanFileError> {
        let edited = |what: String| Err(PlanFileError::Edited { what });
        for (what, same) in [
            ("the environment", self.environment == now.environment),
            ("the provider", self.provider == now.provider),
            ("the format", self.version == now.version),
            ("what exists and stays", self.known == now.known),
        ] {
            if !same {
                return edited(format!("{what} is another one"));
            }
        }
        if self.changes == now.changes {
            return Ok(());
        }
        for (saved, planned) in self.changes.iter().zip(&now.changes) {
            if saved.address != planned.address {
                let known = now.change(&saved.address).is_some();
                let done = if known { "is in another place" } else { "was added" };
                return edited(format!("{} {done}", saved.address));
            }
            if meaning(saved) != meaning(planned) {
                return edited(format!("{} is not what infra.toml asks for", saved.address));
            }
        }
        let (saved, planned) = (self.changes.len(), now.changes.len());
        if saved != planned {
            return edited(format!("it has {saved} changes in place of {planned}"));
        }
        Ok(())
    }
}

/// Returns what a change does, without the words that say why: those may differ from one look to
/// the next.
fn meaning(change: &Change) -> Value {
    let mut value = json!(change);
    if let Some(fields) = value.as_object_mut() {
        fields.remove("reason");
        fields.remove("warning");
    }
    if let Some(observed) = &change.observed {
        value["observed"]["readiness"] = readiness(&observed.readiness).into();
    }
    value
}

/// Joins three hashes by `-`: of what is declared, observed and recorded.
pub fn fingerprint(declared: &[Declared], observed: &Observations, record: &State) -> String {
    let declared = hash(declared.iter().map(|resource| {
        json!([
            resource.address,
            resource.spec,
            resource.depends_on,
            resource.supersedes,
            resource.phase,
            resource.protect
        ])
    }));
    // Why something is pending is not a change, that it is pending is.
    let observed = hash(observed.iter().map(|found| {
        json!([found.address, found.id, found.spec, found.outputs, readiness(&found.readiness)])
    }));
    // Not the serial: a run that changed nothing has written lines, too.
    let open = record.intents.iter().map(|(address, intent)| json!([address, intent]));
    let record = hash(record.resources.values().map(|resource| json!(resource)).chain(open));
    format!("{declared}-{observed}-{record}")
}

fn readiness(found: &Readiness) -> &'static str {
    match found {
        Readiness::Ready => "ready",
        Readiness::Pending { .. } => "pending",
        Readiness::Failed { .. } => "failed",
    }
}

fn hash(values: impl Iterator<Item = Value>) -> String {
    let mut hash = Sha256::new();
    let mut bytes = Vec::new();
    for value in values {
        bytes.clear();
        // Writing to memory can't fail.
        let _ = canonical::write(&value, &mut bytes);
        hash.update(&bytes);
        hash.update(b"\n");
    }
    hex::encode(&hash.finalize()[..12])
}
