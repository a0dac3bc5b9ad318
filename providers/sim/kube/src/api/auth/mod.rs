//! Who is asking, and what they may.

mod authenticate;
mod rbac;
mod token;
mod user;

pub(crate) use authenticate::Authenticator;
pub(crate) use rbac::{Action, allowed, rules_of};
pub(crate) use user::{User, certificate_user};
