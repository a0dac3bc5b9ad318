//! Kubernetes clusters that run on simulated machines.
