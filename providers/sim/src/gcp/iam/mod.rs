//! Identities: service accounts, and who may do what in the project.

mod accounts;
mod policy;
mod project;

use crate::gcp::http::Routes;

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    accounts::add(routes);
    project::add(routes);
    policy::add(routes);
}
