//! The HTTP client: one request, pages of a list, the account's rate limit, error mapping.

mod errors;
mod http;
mod limiter;
mod lists;
mod page;
mod pages;
mod window;

pub(crate) use errors::{Answer, refused};
pub(crate) use http::{Client, parse};
pub(crate) use page::parse_page;
