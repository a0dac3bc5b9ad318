//! What a plan is made from.

use infra_provider_api::{Address, Declared, Owner, Phase};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{kinds::Kinds, observe::Observations};
use infra_state::State;

/// What a plan is made from. Nothing else has any influence on it.
#[derive(Clone, Copy, Debug)]
pub struct PlanInput<'a> {
    /// The cluster.
    pub owner: &'a Owner,
    /// The environment, if one was chosen.
    pub environment: Option<&'a str>,
    /// The cloud's short name.
    pub provider: &'a str,
    /// Now. Only written into the plan.
    pub created_at: Timestamp,
    /// What infra.toml asks for; with `destroy`, it only tells the order.
    pub declared: &'a [Declared],
    /// What the cloud holds.
    pub observed: &'a Observations,
    /// What the journal says.
    pub record: &'a State,
    /// What a change of a field means.
    pub kinds: &'a Kinds,
    /// What the user asked for.
    pub options: &'a PlanOptions,
}

/// What the user asked for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanOptions {
    /// Only these, and what they need (with `destroy`: and what needs them). Empty: everything.
    #[serde(default)]
    pub targets: Vec<Address>,
    /// Recreate these even if nothing differs.
    #[serde(default)]
    pub replace: Vec<Address>,
    /// Names whose data may be lost, as the user has typed them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub may_lose: Vec<String>,
    /// Up to where. Resources of later phases are left alone.
    #[serde(default)]
    pub phase: Phase,
    /// Delete all the cluster owns, also what Kubernetes made.
    #[serde(default)]
    pub destroy: bool,
    /// Bring the state up to date, change nothing in the cloud.
    #[serde(default)]
    pub refresh_only: bool,
    /// Zones that may be deleted although they hold records of others.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delete_zones: Vec<String>,
    /// The name that was made up for the cluster's bucket: who applies the saved plan makes up no
    /// other one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bucket: Option<String>,
    /// Kinds on which Kubernetes' controllers run (droplets). With `destroy`, what those
    /// controllers made in the cloud is deleted after these are gone, or it would be made again.
    #[serde(default)]
    pub machine_kinds: Vec<String>,
}
