//! One fault.

use serde::{Deserialize, Serialize};

/// An API a fault belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Api {
    /// `/v2/…`
    Digitalocean,
    /// Buckets and objects.
    S3,
    /// Kubernetes API servers.
    Kube,
    /// Google's APIs.
    Gcp,
    /// All of them, counted together.
    Any,
}

/// What happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Too many requests.
    #[serde(rename = "429")]
    TooManyRequests,
    /// Access denied.
    #[serde(rename = "403")]
    Forbidden,
    /// Internal server error.
    #[serde(rename = "500")]
    ServerError,
    /// Bad gateway.
    #[serde(rename = "502")]
    BadGateway,
    /// Service unavailable.
    #[serde(rename = "503")]
    Unavailable,
    /// The answer comes `delay_ms` later.
    Slow,
    /// The connection is cut before the request takes effect.
    ResetBefore,
    /// The connection is cut after the request took effect.
    ResetAfter,
    /// The answer's body stops half-way.
    Truncate,
    /// The answer is an HTML page.
    NotJson,
    /// Lists show what was there before the last changes.
    StaleList,
    /// A conditional write of S3 is refused as another one is under way (409).
    Conflict,
    /// Conditional writes of S3 are made whatever their condition says, as some clones do.
    IgnoresConditions,
    /// Lists come in pages of two, and an item before all others goes away between the first page
    /// and the second: what follows moves up by one, so that one item is on neither page.
    ShiftPage,
    /// Lists come in pages of two, so that small ones have several.
    SmallPages,
    /// The API is switched off in the project (Google's `SERVICE_DISABLED`).
    ServiceDisabled,
    /// Lists of Google's lack a zone or a region, and say so (`missingZones`, `unreachables`).
    MissingZones,
    /// The call is accepted, and the operation that it begins fails.
    OperationFails,
    /// What was just made is not there yet for those that use it (service accounts).
    NotYet,
    /// The process that sent the request is killed (SIGKILL) before the request takes effect.
    KillClientBefore,
    /// The process that sent the request is killed after the request took effect.
    KillClientAfter,
    /// The droplet stays `new`.
    NeverActive,
    /// The droplet is active, its user-data fails.
    BootFails,
    /// The machine boots, and the cluster never takes it in.
    NeverJoins,
    /// The machine dies once it runs.
    Dies,
    /// A zone has no machine left for a group of instances (by its name).
    Stockout,
    /// GKE moves the control plane of a cluster (by its name) to its channel's next version.
    MovesMaster,
    /// GKE replaces the nodes of a pool (as `CLUSTER/POOL`) by itself.
    UpgradesPool,
    /// GKE's autoscaler adds a node to a pool (as `CLUSTER/POOL`), within its bounds.
    ScalesUp,
    /// GKE's autoscaler takes a node from a pool (as `CLUSTER/POOL`), within its bounds.
    ScalesDown,
    /// The machine runs, and its etcd takes no part: its disk stalls. It lasts until it is taken away.
    EtcdHangs,
}

impl Effect {
    /// Returns true if only conditional writes of S3 can meet it.
    pub fn is_conditional(self) -> bool {
        matches!(self, Self::Conflict | Self::IgnoresConditions)
    }

    /// Returns true if this is an effect on machines, not on requests.
    pub fn is_machine(self) -> bool {
        matches!(
            self,
            Self::NeverActive
                | Self::BootFails
                | Self::NeverJoins
                | Self::Dies
                | Self::Stockout
                | Self::MovesMaster
                | Self::UpgradesPool
                | Self::ScalesUp
                | Self::ScalesDown
                | Self::EtcdHangs
        )
    }

    /// Returns true if it kills the process that sent the request.
    pub fn is_kill(self) -> bool {
        matches!(self, Self::KillClientBefore | Self::KillClientAfter)
    }
}

/// A fault to inject. Request faults name an `api`; machine faults a `machine_glob`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Given by the embedded cloud.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<u64>,
    /// The API whose requests it hits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api: Option<Api>,
    /// Only this method; any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only paths that match (`*` any run of characters, `?` one); any when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path_glob: Option<String>,
    /// The machines (by droplet name) it hits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub machine_glob: Option<String>,
    /// What happens.
    pub effect: Effect,
    /// Only requests of this process on this host (Linux): whoever holds the other end of the
    /// connection, also through a load balancer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_pid: Option<u32>,
    /// How often; for ever when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// How many matching requests pass unharmed first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<u32>,
    /// Of those that do not pass unharmed, only each n-th is hit; every one when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
    /// The `retry-after` header of a 429 or 503, seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after_s: Option<u64>,
    /// Delay of `slow`, milliseconds of simulated time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delay_ms: Option<u64>,
}

impl Fault {
    /// Returns the reason why this fault can't be injected, if there is one.
    pub fn refusal(&self) -> Option<&'static str> {
        if self.effect.is_kill() && self.client_pid.is_none() {
            return Some("this effect needs client_pid");
        }
        if self.every == Some(0) {
            return Some("every must be at least 1");
        }
        match (self.effect.is_machine(), &self.api, &self.machine_glob) {
            (true, None, Some(_)) | (false, Some(_), None) => None,
            (true, _, None) => Some("this effect needs machine_glob"),
            (true, Some(_), _) => Some("a machine's fault has no api"),
            (false, None, _) => Some("this effect needs api"),
            (false, _, Some(_)) => Some("a request's fault has no machine_glob"),
        }
    }
}
