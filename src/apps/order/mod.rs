//! The order of a suite: a graph, not a list.

mod cycle;
mod graph;
mod rules;

pub use graph::{Need, Order};
pub(super) use graph::Step;
