//! The one place that counts control planes.
//!
//! A control plane is not a machine like the others: etcd's data lies on it, and etcd works only
//! while a majority of its members does. Every way by which a control plane can go or be made again
//! passes [`judge`]: drift, `--replace`, fewer of them in infra.toml, a field that can't be changed
//! in place, another role, a destroy that was cut off. It is pure: what it needs to know are
//! [`Facts`].

mod facts;
mod judge;
mod outlook;
mod refusal;
#[cfg(test)]
mod tests;

pub use facts::{ControlPlane, Facts, Fate, Machine, RoleChange};
pub use judge::judge;
pub use outlook::Outlook;
pub use refusal::Refusal;
