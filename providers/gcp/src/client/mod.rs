//! HTTP client: one request, pages of a list, operations, and what a refusal means.

mod addresses;
mod errors;
mod http;
mod links;
mod operations;
mod pages;
mod refusal;
mod shared;

pub(crate) use errors::of_gax;
pub(crate) use http::Client;
pub(crate) use links::{last_segment, links_to, project_path, scope_path};
