//! The kinds of resources: where they are, and what their requests look like.

use serde_json::{Map, Value};

use super::{addresses, balancing, disks, firewalls, networks, routers, subnetworks};
use crate::gcp::http::Refusal;
use crate::world::State as World;

/// A resource that is asked for.
pub struct Site<'a> {
    /// The project.
    pub project: &'a str,
    /// `global`, `regions/R` or `zones/Z`.
    pub scope: &'a str,
    /// The resource's path.
    pub path: &'a str,
}

/// The fields of a resource.
pub type Fields = Map<String, Value>;
/// Checks what was asked for, and fills in what was not.
pub type Prepare = fn(&mut World, &Site<'_>, &mut Fields) -> Result<(), Refusal>;
/// Checks the fields of a patch against the resource, and lays them over it.
pub type Patch = fn(&World, &Site<'_>, old: &Value, &mut Fields) -> Result<(), Refusal>;

/// A kind of resource.
#[derive(Clone, Copy)]
pub struct Kind {
    /// `networks`.
    pub collection: &'static str,
    /// `compute#network`.
    pub kind: &'static str,
    /// The message of its inserts.
    pub message: &'static str,
    /// What a new one must be.
    pub prepare: Prepare,
    /// What a changed one must be; `None` if it is never changed.
    pub patch: Option<Patch>,
}

/// All kinds.
pub const KINDS: [Kind; 12] = [
    Kind {
        collection: "networks",
        kind: "compute#network",
        message: "Network",
        prepare: networks::prepare,
        patch: None,
    },
    Kind {
        collection: "subnetworks",
        kind: "compute#subnetwork",
        message: "Subnetwork",
        prepare: subnetworks::prepare,
        patch: Some(subnetworks::patch),
    },
    Kind {
        collection: "routers",
        kind: "compute#router",
        message: "Router",
        prepare: routers::prepare,
        patch: Some(routers::patch),
    },
    Kind {
        collection: "firewalls",
        kind: "compute#firewall",
        message: "Firewall",
        prepare: firewalls::prepare,
        patch: Some(firewalls::patch),
    },
    Kind {
        collection: "addresses",
        kind: "compute#address",
        message: "Address",
        prepare: addresses::prepare,
        patch: None,
    },
    Kind {
        collection: "forwardingRules",
        kind: "compute#forwardingRule",
        message: "ForwardingRule",
        prepare: balancing::forwarding_rule,
        patch: None,
    },
    Kind {
        collection: "targetPools",
        kind: "compute#targetPool",
        message: "TargetPool",
        prepare: balancing::target_pool,
        patch: None,
    },
    Kind {
        collection: "backendServices",
        kind: "compute#backendService",
        message: "BackendService",
        prepare: balancing::backend_service,
        patch: None,
    },
    Kind {
        collection: "healthChecks",
        kind: "compute#healthCheck",
        message: "HealthCheck",
        prepare: balancing::health_check,
        patch: None,
    },
    Kind {
        collection: "httpHealthChecks",
        kind: "compute#httpHealthCheck",
        message: "HttpHealthCheck",
        prepare: balancing::http_health_check,
        patch: None,
    },
    Kind {
        collection: "networkEndpointGroups",
        kind: "compute#networkEndpointGroup",
        message: "NetworkEndpointGroup",
        prepare: balancing::endpoint_group,
        patch: None,
    },
    Kind {
        collection: "disks",
        kind: "compute#disk",
        message: "Disk",
        prepare: disks::prepare,
        patch: None,
    },
];

impl Kind {
    /// Finds a kind by its collection.
    pub fn of(collection: &str) -> Option<&'static Self> {
        KINDS.iter().find(|kind| kind.collection == collection)
    }

    /// Returns what a resource is called in refusals.
    pub fn singular(&self) -> String {
        self.kind.trim_start_matches("compute#").to_ascii_lowercase()
    }
}
