//! The app suite: loading (no cluster needed) and applying, to the embedded Kubernetes and, where
//! `KUBEBUILDER_ASSETS` names one, to a real API server.

// The files themselves: a dependency on their crates would link the clouds' SDKs.
#[path = "../../../../providers/aws/src/manifests.rs"]
mod aws;
#[path = "../../../../providers/digitalocean/src/manifests.rs"]
mod digitalocean;

mod apply;
mod bounds;
mod errors;
mod fake_controllers;
mod faults;
mod features;
mod forward;
mod lab;
mod load;
mod order;
mod plan;
mod quickstart;
mod real_api_server;
mod refusals;
mod storefront;
mod upstream_manifests;
mod versions;
mod waits;
