//! What a node needs at boot: templates, boot script, artifact list, S3 sync.
//!
//! - [`artifacts`]: which files a Kubernetes version needs, fetched, verified, synced.
//! - [`kubeadm`]: kubeadm's documents for one node.
//! - [`boot`]: the boot script and the host files that come with it.
//! - [`bundle`]: the archives a node fetches.
//! - [`userdata`]: what the cloud hands to the machine.
//! - [`node`]: all of it put together for one node.

pub mod artifacts;
pub mod boot;
pub mod bundle;
pub mod kubeadm;
pub mod node;
pub mod userdata;
