//! Patches that say what to change.

mod plain;
mod strategic;

pub(crate) use plain::{json_patch, merge_patch};
pub(crate) use strategic::strategic_merge;
