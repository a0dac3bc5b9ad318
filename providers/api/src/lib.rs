//! What every cloud implements, and the words the engine speaks with it. No I/O lives here.
//!
//! A cloud is a [`Provider`]: it turns a [`Cluster`] into [`Declared`] resources (`model`, pure) and
//! brings one [`Kind`] for each kind of resource. A kind is written as a typed [`Resource`] and
//! erased by [`erase`], so that graph, diff, plan file and rendering are written once.

mod address;
mod clock;
mod cluster;
mod context;
mod declared;
mod error;
mod input;
mod kind;
mod observed;
mod owner;
mod packed;
mod presence;
mod provider;
mod resource;
mod retry;
mod shared;

pub use address::{Address, AddressError};
pub use clock::{CLOCK_HINT, clock_skew};
pub use cluster::{
    Access, Cluster, DnsPlan, FirewallRule, LoadBalancerPlan, Network, NodePlan, Placement, Pool,
    Protocol, Role, SizeRequest, SourceRange, SshKey, Versions,
};
pub use context::{BootingMachine, Context, MachineBoot, NoProgress, Progress};
pub use declared::{Declared, Phase, Source};
pub use error::{CloudError, ErrorKind};
pub use input::{Input, Reference, SECRET_KEY, references, resolve, secret_digest};
pub use kind::{CreateRequest, Kind, OWNERSHIP, OnChange, UpdateRequest, Waits};
pub use observed::{MadeBy, Observed, Outputs, Readiness};
pub use owner::Owner;
pub use packed::Packed;
pub use presence::{KnownResource, Presence};
pub use provider::{Account, Effect, Membership, Obstacle, Problem, Provider};
pub use resource::{Erased, Found, Resource, erase};
pub use retry::{RATE_LIMIT_MAX, RetryPolicy, retry};
