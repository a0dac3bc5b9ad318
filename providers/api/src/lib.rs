//! What every cloud implements, and the words the engine speaks with it. No I/O lives here.
//!
//! A cloud is a [`Provider`]: it turns a [`Cluster`] into [`Declared`] resources (`model`, pure) and
//! brings one [`Kind`] for each kind of resource. A kind is written as a typed [`Resource`] and
//! erased by [`erase`], so that graph, diff, plan file and rendering are written once.

mod address;
mod boot_platform;
mod bucket_name;
mod call_log;
mod clock;
mod cluster;
mod context;
mod creates;
mod declared;
mod diagnostic;
mod error;
mod input;
mod intern;
mod kind;
mod kube_token;
mod manifests;
mod near;
mod observed;
mod owner;
mod presence;
mod provider;
mod proxy;
mod raw_json;
mod resource;
mod retry;
pub mod visible;

pub use address::{Address, AddressError};
pub use boot_platform::{BootPlatform, BucketAccess};
pub use bucket_name::{bucket_prefix, is_bucket_name, new_bucket_name};
pub use call_log::{CALL_TARGET, Call, is_read};
pub use clock::{CLOCK_HINT, clock_skew};
pub use cluster::{
    API_ACCESS, Access, Cluster, ControlPlaneReach, DnsConfig, FirewallRule, LoadBalancerConfig,
    ManagedConfig, Network, NodeSlot, Placement, Pool, PoolBounds, Protocol, Role, SizeRequest,
    SourceRange, SshKey, Versions,
};
pub use context::{BootingMachine, Context, MachineBoot, NoProgress, Progress};
pub use creates::{MissingCreates, SentCreates, never_created, not_in_answer};
pub use declared::{Declared, Phase, Source, declare, model_of};
pub use diagnostic::{Diagnostic, line_of};
pub use error::{CloudError, ErrorKind};
pub use input::{Input, Reference, SECRET_KEY, references, resolve};
pub use kind::{CreateRequest, Kind, OWNERSHIP, OnChange, Place, UpdateRequest, Waits};
pub use kube_token::{KubeCredential, KubeToken};
pub use manifests::{CloudManifests, EmbeddedFile};
pub use near::nearest;
pub use observed::{ManagedBy, Observed, Outputs, Readiness};
pub use owner::Owner;
pub use presence::{KnownResource, Presence};
pub use provider::{Account, Effect, Membership, Obstacle, Provider};
pub use proxy::Proxy;
pub use raw_json::{KNOWN_AFTER_APPLY, RawJson};
pub use resource::{Erased, Found, Resource, erase};
pub use retry::{RATE_LIMIT_MAX, RetryPolicy, retry};
