//! The API server: TLS, who is asking, what they may, and the verbs.

mod apply;
mod auth;
mod body;
mod builtin;
mod call;
mod context;
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
mod server;
mod shared;
mod subresource;
mod table;
mod tls;
mod validate;
mod verbs;

pub(crate) use auth::{Action, User, allowed};
pub(crate) use context::Server;
pub(crate) use server::serve;
pub(crate) use shared::Shared;
pub(crate) use tls::acceptor;
pub(crate) use validate::counted;
