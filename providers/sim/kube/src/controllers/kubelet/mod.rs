//! The stand-in for kubelets: what becomes of pods on nodes. Nothing is run.

mod address;
mod controller;
mod obstacle;
mod status;

pub use controller::Kubelet;
