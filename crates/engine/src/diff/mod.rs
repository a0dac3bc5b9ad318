//! What differs between a declared and an observed spec. Pure.

mod change;
mod compare;
mod list;
mod resolve;
mod show;

pub use change::{After, FieldChange};
pub use compare::{Compare, compare, created};
pub use resolve::{Lookup, resolve_known};
pub use show::{is_secret, show};
