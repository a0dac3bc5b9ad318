//! GKE in the embedded cloud, as a client sees it.

#![expect(clippy::unwrap_used, reason = "a test that can't go on fails")]

mod alone;
mod client;
mod kubernetes;
mod life;
mod locks;
mod persistence;
mod pools;
mod refusals;
mod vendor_tool;
