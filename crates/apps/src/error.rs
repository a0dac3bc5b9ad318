//! What can go wrong with a suite, with what the user can do about it.

use std::{collections::BTreeSet, path::PathBuf};

use super::{
    ObjectId,
    problem::{Problem, SHOWN_MAX, lines},
};

/// Why a suite could not be loaded, planned or applied at all. What goes wrong with single objects
/// while the others go on is in [`super::Outcome::failed`].
#[derive(Debug, thiserror::Error)]
pub enum AppsError {
    /// The manifests are wrong; all that was found, not only the first.
    #[error("{}", lines(.0))]
    Manifests(Vec<Problem>),
    /// A file or folder cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Objects wait for each other.
    #[error("these objects wait for each other: {}", .0.join(" -> "))]
    Cycle(Vec<String>),
    /// The kubeconfig cannot be used.
    #[error("kubeconfig {origin}: {message}")]
    Kubeconfig {
        /// Path, or `(in memory)`.
        origin: String,
        /// Why.
        message: String,
    },
    /// The API server does not answer.
    #[error("the API server {server} does not answer: {message}")]
    Unreachable {
        /// Its URL.
        server: String,
        /// The last reason.
        message: String,
    },
    /// The API server refused.
    #[error("{operation}: {message}")]
    Api {
        /// `apply Deployment/shop/web`.
        operation: String,
        /// HTTP status, 0 when there was none.
        code: u16,
        /// Kubernetes' reason, such as `Invalid`.
        reason: String,
        /// What it said.
        message: String,
    },
    /// Fields belong to another field manager.
    #[error("{object}: {}", conflict_lines(.conflicts))]
    Conflict {
        /// The object.
        object: ObjectId,
        /// Whose and which.
        conflicts: Vec<super::Conflict>,
    },
    /// Some objects failed; the rest was applied.
    #[error("{}", failures(.0))]
    Objects(Vec<(ObjectId, String)>),
    /// The recorded inventory makes no sense.
    #[error("inventory {name}: {message}")]
    Inventory {
        /// namespace/name of the ConfigMap.
        name: String,
        /// Why.
        message: String,
    },
    /// Another project has put a suite of that name there.
    #[error("the suite {suite} in this cluster belongs to {owner}, not to this one")]
    OtherProject {
        /// The suite.
        suite: String,
        /// Whose it is.
        owner: String,
    },
    /// A version that the environment before has not run.
    #[error(
        "{suite} cannot get {}: {from} has not run it; it has run {}",
        if .version.is_empty() { "a suite without a version".to_owned() } else { format!("version {version}") },
        if .known.is_empty() { "none yet".to_owned() } else { .known.join(", ") }
    )]
    NotPromoted {
        /// The suite.
        suite: String,
        /// The suite that must have run it.
        from: String,
        /// The version, empty without one.
        version: String,
        /// What that one has run.
        known: Vec<String>,
    },
    /// Files of a revision cannot be had.
    #[error("git revision {revision}: {message}")]
    Git {
        /// The revision.
        revision: String,
        /// Why.
        message: String,
    },
    /// A Service that leads nowhere.
    #[error("Service {service}: {message}")]
    Service {
        /// namespace/name.
        service: String,
        /// Why.
        message: String,
        /// What to do.
        hint: String,
    },
    /// A port of this machine cannot be listened on.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Port {
        /// Which; 0 for any.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// No addon of that name.
    #[error("there is no addon {name}; there are {}", known.join(", "))]
    UnknownAddon {
        /// What was asked for.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The user asked to stop.
    #[error("stopped")]
    Cancelled,
}

impl AppsError {
    /// Returns hints for the user, one line each.
    pub fn hints(&self) -> Vec<String> {
        let mut hints: Vec<String> = match self {
            Self::Manifests(problems) => {
                problems.iter().take(SHOWN_MAX).filter_map(|p| p.hint.clone()).collect()
            }
            Self::Cycle(_) => {
                vec!["take one `infra.dev/depends-on` out of the circle".to_owned()]
            }
            Self::Kubeconfig { .. } => vec![
                "choose one with --kubeconfig FILE and --context NAME; without them it is KUBECONFIG, else ~/.kube/config".to_owned(),
            ],
            Self::NotPromoted { from, version, .. } => {
                let environment = from.strip_prefix("apps-").unwrap_or(from);
                vec![format!(
                    "apply it there first: `infra apps apply --env {environment} --version {version}`"
                )]
            }
            Self::OtherProject { .. } => vec![
                "is this the right cluster (--kubeconfig, --context)? If so, give this suite a name of its own: --suite NAME".to_owned(),
            ],
            Self::Service { hint, .. } => vec![hint.clone()],
            Self::Port { .. } => vec!["without --port, any free one is taken".to_owned()],
            Self::Git { .. } => {
                vec!["give a folder with an earlier render, or a revision such as HEAD or main".to_owned()]
            }
            Self::Unreachable { .. } => vec![
                "check that the cluster is up and that this kubeconfig points at it; apply again to go on".to_owned(),
            ],
            Self::Conflict { object, .. } => super::advice(object, "belongs to").into_iter().collect(),
            Self::Api { code: 401, .. } => {
                vec!["the credentials in the kubeconfig are refused: they may have expired, or not be valid yet (`infra certs` shows which)".to_owned()]
            }
            Self::Api { code: 403, message, .. } if message.contains("being terminated") => {
                vec!["the namespace is being deleted; apply again when it is gone".to_owned()]
            }
            Self::Api { code: 403, .. } => {
                vec!["the kubeconfig's user lacks this right: grant it by a Role or use another user".to_owned()]
            }
            Self::Api { message, .. } if message.contains("immutable") => vec![
                "this field cannot be changed in place: delete the object, or allow its replacement by name".to_owned(),
            ],
            Self::Objects(failed) => {
                let each = failed.iter().filter_map(|(id, why)| super::advice(id, why));
                let rest = "put it right and apply again: what is done stays done".to_owned();
                each.chain([rest]).collect()
            }
            _ => Vec::new(),
        };
        let mut told = BTreeSet::new();
        hints.retain(|hint| told.insert(hint.clone()));
        hints
    }
}

fn failures(failed: &[(ObjectId, String)]) -> String {
    failed.iter().map(|(id, why)| format!("{id}: {why}")).collect::<Vec<_>>().join("\n")
}

pub(super) fn conflict_lines(conflicts: &[super::Conflict]) -> String {
    let of = |c: &super::Conflict| format!("{} belongs to {}", c.field, c.manager);
    conflicts.iter().map(of).collect::<Vec<_>>().join(", ")
}
