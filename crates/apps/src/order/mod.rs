//! The order of a suite: a graph, not a list.

mod cycle;
mod graph;
mod rules;

pub(super) use graph::Step;
pub use graph::{Need, Order};
