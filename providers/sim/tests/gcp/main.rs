//! Drives Google's APIs of the embedded cloud over plain HTTP, as a client of Google's would.

mod addresses;
mod dns;
mod envelopes;
mod faults;
mod firewalls;
mod gcloud;
mod harness;
mod iam;
mod lists;
mod networks;
mod persistence;
mod requests;
mod routers;
mod subnetworks;
