//! The verbs: get, list, watch, create, update, patch, delete.

mod convert;
mod create;
mod delete;
mod get;
mod intake;
mod list;
mod page;
mod patch;
mod save;
mod show;
mod update;
mod watch;

pub(crate) use create::create;
pub(crate) use delete::{delete, delete_collection, remove};
pub(crate) use get::get;
pub(crate) use list::list;
pub(crate) use patch::patch;
pub(crate) use save::{Saved, save_update};
pub(crate) use show::present;
pub(crate) use update::update;
pub(crate) use watch::watch;
