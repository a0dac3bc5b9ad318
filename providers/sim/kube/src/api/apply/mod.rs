//! Field ownership: who set which field, and server-side apply on top of it.

mod compare;
mod extract;
mod managers;
mod merge;
mod remove;
mod server_side;
mod set;

pub(crate) use extract::item_key;
pub(crate) use managers::{Tracking, same_but_ownership, track_update};
pub(crate) use server_side::apply;
