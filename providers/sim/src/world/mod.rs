//! What exists in the cloud: one state behind one lock, recorded as it changes.

mod addresses;
mod counters;
mod helpers;
mod log;
pub mod rows;
mod state;
mod store;
mod table;

pub use addresses::public_network;
pub use counters::{Counters, mix};
pub use log::Change;
pub use rows::*;
pub use state::State;
pub use store::World;
pub use table::{Row, Table};
