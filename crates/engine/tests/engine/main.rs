//! The engine against a cloud in memory: converges, whatever fails and wherever it is killed.

#![allow(clippy::result_large_err, reason = "these errors end a run; their size costs nothing")]

mod cloud;
mod converge;
mod groups;
mod kill;
mod order;
mod plans;
mod polling;
mod recovery;
mod world;
