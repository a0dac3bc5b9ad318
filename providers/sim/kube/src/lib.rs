//! The embedded cloud's Kubernetes API server and controllers
