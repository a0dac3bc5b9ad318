//! Selectors: which objects are meant, by their labels or by their fields. The API server and the
//! controllers choose by the same rules.

mod fields;
mod labels;
mod node;
mod operator;
mod query;

pub(crate) use labels::{matches, matches_map};
pub(crate) use node::{node_fits, node_term};
pub(crate) use query::Selector;
