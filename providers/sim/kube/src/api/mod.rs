//! The API server: TLS, who is asking, what they may, and the verbs.

mod apply;
mod auth;
mod body;
mod builtin;
mod defaults;
mod discovery;
mod dispatch;
mod error;
mod field_error;
mod kind;
mod media;
mod patch;
mod registry;
mod request;
mod selector;
mod server;
mod subresource;
mod table;
mod tls;
mod validate;
mod verbs;

pub(crate) use auth::{Action, User, allowed};
pub(crate) use server::{Server, Shared, serve};
pub(crate) use tls::acceptor;
pub(crate) use validate::counted;
