//! cert-manager with an ACME server behind it, as far as it can be seen from the API.

mod account;
mod challenge;
mod controller;
mod issue;
mod order;
mod solver;

pub use controller::CertManager;
