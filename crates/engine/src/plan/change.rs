//! What is done to one resource, and why.

use infra_provider_api::{Address, Declared, Observed};
use serde::{Deserialize, Serialize};

use super::Action;
use crate::diff::FieldChange;
use infra_state::ResourceState;

/// What is done to one resource, and why. Most are no-ops, in their thousands: what only others
/// hold is boxed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The resource. Of two that exist at one address (a fault, only deleted by destroy), the
    /// second is called `<address>#<id>` here.
    pub address: Address,
    /// What is done.
    pub action: Action,
    /// Why, where the fields do not tell: `gone from the cloud (drift)`, `no longer declared`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What differs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<FieldChange>,
    /// What exists; left out of a no-op.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed: Option<Box<Observed>>,
    /// What is asked for; left out of a no-op.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub declared: Option<Box<Declared>>,
    /// Generation of the create, if it creates.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
    /// Created, updated or waited for only after these are ready. Holds only addresses whose change
    /// is not a no-op.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Address>,
    /// Deleted only after these are: what depends on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub deleted_after: Vec<Address>,
    /// Deleted only after these are ready: what takes its place, or no longer refers to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replaced_by: Vec<Address>,
    /// Created only after these are deleted: what belonged to the one that is gone, and would be
    /// taken over by the new one of the same name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub created_after: Vec<Address>,
    /// Deleted only after every machine is: a controller that runs on them would make it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub after_machines: bool,
    /// Waited for because it was ready before and is not now. Nothing else waits for it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub recovers: bool,
    /// A word of warning: data is lost, a machine has failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
    /// What the state will say, where it must be brought up to date without a call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub record: Option<Box<ResourceState>>,
}

impl Change {
    /// Makes a change with nothing but address and action.
    pub fn new(address: Address, action: Action) -> Self {
        Self {
            address,
            action,
            reason: None,
            fields: Vec::new(),
            observed: None,
            declared: None,
            generation: None,
            needs: Vec::new(),
            deleted_after: Vec::new(),
            replaced_by: Vec::new(),
            created_after: Vec::new(),
            after_machines: false,
            recovers: false,
            warning: None,
            record: None,
        }
    }
}
