//! The stand-in for kubelets: what becomes of pods on nodes. Nothing is run.

mod address;
mod controller;
mod obstacle;
mod serving;
mod status;

pub use controller::Kubelet;
pub use serving::{Serving, ServingCertificates};
