//! The app suite: render, order, apply, wait, prune.
//!
//! A suite is a folder of plain manifests with an overlay per environment. It is loaded and checked
//! as a whole ([`Suite::load`]), ordered as a graph ([`Order`]), compared with the cluster
//! ([`plan()`]) and applied ([`apply()`]) by server-side apply with the field manager
//! [`FIELD_MANAGER`]. The library prints nothing: progress goes out as [`AppsEvent`]s.

pub mod addons;
mod apply;
mod classes;
mod client;
mod error;
mod events;
mod forward;
mod hints;
mod inventory;
mod kinds;
mod load;
mod mask;
mod object;
mod order;
mod plan;
mod problem;
mod promotion;
mod render_diff;
mod service;
mod status;
mod suite;
mod tls;
mod up_to_date;
mod wait;
mod yaml;

pub use apply::{
    ApplyOptions, Change, DeleteOptions, Force, Outcome, Protection, apply, delete, restart,
};
pub use classes::{ADDON_CLASS, check_classes};
pub use client::{Catalog, ClusterRef, KubeClient, Target, explain};
pub use error::AppsError;
pub use events::{AppsEvent, Events};
pub use forward::{Forward, ForwardTo};
pub use hints::advice;
pub use inventory::{Inventory, inventory_name};
pub use load::{
    DockerSecret, EnvSecret, FileSecret, ImagePolicy, IngressDefaults, SuiteSource,
    ingress_namespaces,
};
pub use mask::MaskKey;
pub use object::{Object, ObjectId, Origin};
pub use order::{Need, Order};
pub use plan::{
    Action, AppsPlan, Conflict, Counts, FieldChange, ObjectChange, PlanOptions, plan, plan_with,
};
pub use problem::{Problem, ProblemKind};
pub use promotion::check_promotion;
pub use render_diff::{Earlier, Rendered, compare_suites, earlier_source, read_rendered};
pub use status::{ObjectStatus, SuiteStatus, status};
pub use suite::{Reveal, Suite};
pub use tls::{HostCertificate, TlsSecret, TlsSecrets, all_host_certificates, wanted_tls_secrets};
pub use wait::{ConditionIs, Health, Until, WaitRule};

/// The field manager of every server-side apply.
pub const FIELD_MANAGER: &str = "infra";

/// Annotation with the suite an object belongs to; what carries another suite's is not pruned.
pub const SUITE_ANNOTATION: &str = "infra.dev/suite";

/// Annotation with what must be ready before: `Kind/namespace/name`, `Kind/name` for the same
/// namespace or no namespace; several with commas.
pub const DEPENDS_ON_ANNOTATION: &str = "infra.dev/depends-on";

/// Annotation of a Service with the subdomains (several with commas) it is reached at; makes an
/// Ingress with TLS. `@` is the domain itself.
pub const SUBDOMAIN_ANNOTATION: &str = "infra.dev/subdomain";

/// Annotation `"true"` of a ConfigMap or Secret whose name shall carry a hash of its content.
pub const HASH_NAME_ANNOTATION: &str = "infra.dev/hash-name";

/// Annotation `"true"` of a workload that must never run twice on its volume.
pub const SINGLE_ANNOTATION: &str = "infra.dev/single";

/// Annotation `replace` of an object that may be deleted and recreated when a field of it cannot be
/// changed in place: a Job.
pub const ON_CHANGE_ANNOTATION: &str = "infra.dev/on-change";

/// Annotation with the time an object may take to get ready, such as `90s` or `10m`.
pub const TIMEOUT_ANNOTATION: &str = "infra.dev/timeout";
