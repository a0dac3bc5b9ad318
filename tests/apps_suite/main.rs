//! The app suite: loading (no cluster needed) and applying to the embedded Kubernetes.

mod apply;
mod errors;
mod faults;
mod features;
mod forward;
mod hard;
mod lab;
mod load;
mod order;
mod plan;
mod quickstart;
mod real;
mod refusals;
