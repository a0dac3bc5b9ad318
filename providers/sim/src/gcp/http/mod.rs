//! Google's way to speak HTTP: routes, answers, refusals, pages, partial responses.
//!
//! A part of the cloud adds its calls to [`Routes`]. A handler gets a [`Call`] and gives a [`Reply`].

mod call;
mod call_log;
mod fields;
mod filter;
mod guard;
mod pages;
mod refusal;
mod routes;
mod shape;

pub use call::{Call, Query};
pub use filter::Filter;
pub use guard::router;
pub use pages::{aggregated, list, page};
pub use refusal::{Dialect, Refusal};
pub use routes::{Handler, Route, Routes};
pub use shape::Shape;

use serde_json::Value;

/// What a handler gives back: the body of a 200, or a refusal.
pub type Reply = Result<Value, Refusal>;
