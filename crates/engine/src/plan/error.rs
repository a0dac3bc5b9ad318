//! Why there is no plan.

use infra_provider_api::{Address, Source};

use super::Action;
use crate::graph::GraphError;

/// Why there is no plan.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// What is declared is no graph.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// No kind of this run has the name.
    #[error("{address} is of a kind that is not known here")]
    UnknownKind {
        /// The resource.
        address: Address,
    },
    /// `--target` or `--replace` names nothing.
    #[error("there is no {address}, neither declared nor in the cloud")]
    UnknownTarget {
        /// What was given.
        address: Address,
        /// An address that looks like it.
        near: Option<Address>,
    },
    /// A protected resource would be deleted or replaced.
    #[error("{address} is protected, and this plan would {} it ({reason})", action.as_str())]
    Protected {
        /// The resource.
        address: Address,
        /// What would be done to it.
        action: Action,
        /// Why.
        reason: String,
        /// Where it was declared.
        source_line: Option<Source>,
    },
    /// Two resources exist at one address.
    #[error("{address} exists {} times: {}", ids.len(), ids.join(", "))]
    Duplicate {
        /// The address.
        address: Address,
        /// The cloud's ids.
        ids: Vec<String>,
    },
    /// The steps wait for each other in a circle.
    #[error("these steps wait for each other: {}", path.join(" after "))]
    Order {
        /// The steps, each waiting for the next.
        path: Vec<String>,
    },
}

impl PlanError {
    /// Returns a hint for the user.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Protected { .. } => {
                Some(
                    "write in infra.toml what it had before, or make a cluster of another name beside it; \
                     only `infra destroy` deletes it"
                        .to_owned(),
                )
            }
            Self::Duplicate { ids, .. } => Some(format!(
                "both carry this cluster's mark; delete the one that is not in use ({}) by hand",
                ids.join(" or ")
            )),
            Self::Order { .. } => {
                Some("make the change in two runs, with --target for the first".to_owned())
            }
            Self::UnknownTarget { near: Some(near), .. } => Some(format!("did you mean {near}?")),
            Self::UnknownTarget { near: None, .. } => {
                Some("`infra graph` shows every address".to_owned())
            }
            Self::Graph(_) | Self::UnknownKind { .. } => None,
        }
    }
}
