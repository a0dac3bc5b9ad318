//! Why a set of declared resources is no graph.

use infra_provider_api::{Address, Source};

/// Why a set of declared resources is no graph.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum GraphError {
    /// A reference or `depends_on` names what nobody declared.
    #[error("{from} needs {to}, which is not declared{}", near.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default())]
    Unknown {
        /// The resource with the reference.
        from: Address,
        /// What it names.
        to: Address,
        /// A declared address that looks like it.
        near: Option<Address>,
        /// Where `from` was written.
        source_line: Option<Source>,
    },
    /// Two resources have one address.
    #[error("{address} is declared twice{}", lines(first.as_ref(), second.as_ref()))]
    Duplicate {
        /// The address.
        address: Address,
        /// Where it was first written.
        first: Option<Source>,
        /// Where it was written again.
        second: Option<Source>,
    },
    /// Resources need each other in a circle.
    #[error("a circle: {}", path.iter().map(ToString::to_string).collect::<Vec<_>>().join(" needs "))]
    Cycle {
        /// The circle; the last address is the first one again.
        path: Vec<Address>,
    },
}

fn lines(first: Option<&Source>, second: Option<&Source>) -> String {
    match (first, second) {
        (Some(first), Some(second)) => {
            format!(" ({}:{} and {}:{})", first.file, first.line, second.file, second.line)
        }
        _ => String::new(),
    }
}
