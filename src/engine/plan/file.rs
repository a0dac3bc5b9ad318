//! The plan as a file, and whether it still holds.

use infra_provider_api::{Declared, Owner, Readiness};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{PLAN_VERSION, Plan, canonical};
use crate::engine::{observe::Observations, record::Record};

/// Why a plan file can't be applied.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It is no plan.
    #[error("this is not a plan file: {0}")]
    Garbled(String),
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
}

impl Plan {
    /// The plan as a file. Holds no secrets, because specs hold only digests of them.
    ///
    /// # Errors
    /// It can't be written as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, PlanFileError> {
        serde_json::to_vec(self).map_err(|error| PlanFileError::Garbled(error.to_string()))
    }

    /// A plan from a file.
    ///
    /// # Errors
    /// No plan, from a newer version, or of another cluster.
    pub fn from_json(bytes: &[u8], owner: &Owner) -> Result<Self, PlanFileError> {
        let garbled = |error: serde_json::Error| PlanFileError::Garbled(error.to_string());
        let value: serde_json::Value = serde_json::from_slice(bytes).map_err(garbled)?;
        match value.get("version").and_then(serde_json::Value::as_u64) {
            Some(found) if found > u64::from(PLAN_VERSION) => {
                return Err(PlanFileError::Newer { found });
            }
            Some(_) => {}
            None => return Err(PlanFileError::Garbled("it has no version".to_owned())),
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

    /// Whether the plan still holds, given the world as it is now.
    ///
    /// # Errors
    /// [`PlanFileError::Stale`].
    pub fn check_fresh(
        &self,
        declared: &[Declared],
        observed: &Observations,
        record: &Record,
    ) -> Result<(), PlanFileError> {
        let now = fingerprint(declared, observed, record);
        let mut moved = Vec::new();
        for ((what, then), now) in ["infra.toml", "the cloud", "the record"]
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
}

/// Three hashes, of what is declared, observed and recorded, joined by `-`.
pub fn fingerprint(declared: &[Declared], observed: &Observations, record: &Record) -> String {
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
        let readiness = match found.readiness {
            Readiness::Ready => "ready",
            Readiness::Pending { .. } => "pending",
            Readiness::Failed { .. } => "failed",
        };
        json!([found.address, found.id, found.spec, found.outputs, readiness])
    }));
    // Not the serial: a run that changed nothing has written lines, too.
    let open = record.intents.iter().map(|(address, intent)| json!([address, intent]));
    let record = hash(record.resources.values().map(|resource| json!(resource)).chain(open));
    format!("{declared}-{observed}-{record}")
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
