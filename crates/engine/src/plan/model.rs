//! A plan.

use std::collections::{BTreeMap, BTreeSet};

use infra_provider_api::{Address, Owner, RawJson};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Action, Change, PlanOptions};
use crate::quorum::Outlook;

/// The format of plan files this program writes; a higher one is refused.
pub const PLAN_VERSION: u32 = 1;

/// What a run will do. Immutable; may be saved and applied later, if nothing has moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// [`PLAN_VERSION`].
    pub version: u32,
    /// The cluster.
    pub owner: Owner,
    /// The environment, if one was chosen.
    pub environment: Option<String>,
    /// The cloud's short name.
    pub provider: String,
    /// Serial of the state it was made from.
    pub generation: u64,
    /// When.
    pub created_at: Timestamp,
    /// What the user asked for.
    pub options: PlanOptions,
    /// Hash over declared, observed and recorded: `apply FILE` is refused when it has changed.
    pub fingerprint: String,
    /// What is done, what is needed first: creates after what they need, deletes in reverse order.
    pub changes: Vec<Change>,
    /// What is worth saying besides: fields that wait for a rotation, phases left out.
    pub notes: Vec<String>,
    /// How many resources differ in fields that wait for a rotation.
    #[serde(default)]
    pub waiting: usize,
    /// Those that do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rotations: Vec<Address>,
    /// What would be deleted, and is left because things of others would be lost with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<Address>,
    /// Outputs of what exists and stays, for references.
    pub known: BTreeMap<Address, RawJson>,
    /// How many losses of control planes the cluster survives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quorum: Option<Outlook>,
}

impl Plan {
    /// Returns true if there is nothing to do, not even for the state.
    pub fn is_empty(&self) -> bool {
        self.changes.iter().all(|change| change.action == Action::NoOp)
    }

    /// Iterates over the changes that are not a no-op.
    pub fn real_changes(&self) -> impl Iterator<Item = &Change> {
        self.changes.iter().filter(|change| change.action != Action::NoOp)
    }

    /// Counts the changes of each action.
    pub fn counts(&self) -> BTreeMap<Action, usize> {
        let mut counts = BTreeMap::new();
        for change in &self.changes {
            *counts.entry(change.action).or_default() += 1;
        }
        counts
    }

    /// Returns the plan without what is deleted only after a resource of `kind` is, directly or by others.
    #[must_use]
    pub fn until_gone(&self, kind: &str) -> Self {
        let of_kind = self.changes.iter().filter(|change| change.address.kind() == kind);
        let first: BTreeSet<&Address> = of_kind.map(|change| &change.address).collect();
        let mut after: BTreeSet<&Address> = BTreeSet::new();
        loop {
            let known = after.len();
            for change in &self.changes {
                let goes_after = |other: &Address| first.contains(other) || after.contains(other);
                if !first.contains(&change.address) && change.deleted_after.iter().any(goes_after) {
                    after.insert(&change.address);
                }
            }
            if after.len() == known {
                break;
            }
        }
        let changes = self.changes.iter().filter(|change| !after.contains(&change.address));
        Self { changes: changes.cloned().collect(), ..self.clone() }
    }

    /// Finds the change at `address`. It is linear: for tests and single look-ups.
    pub fn change(&self, address: &Address) -> Option<&Change> {
        self.changes.iter().find(|change| change.address == *address)
    }
}
