//! Every kind against the embedded cloud: created twice, read back, changed twice, deleted twice.
//! With `INFRA_OPENAPI` (the vendor's document) and `INFRA_PRISM` (the `prism` program), once more
//! through a validator of that document.

mod cloud;
mod cluster;
mod errors;
mod faults;
mod lifecycle;
mod openapi;
mod rate_limit;
mod shared;
