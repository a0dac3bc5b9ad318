//! The embedded cloud: DigitalOcean's API, S3 and machines, on loopback.
//!
//! [`serve`] runs it in the foreground; [`control`] is the client the command line uses to start,
//! inspect and stop one that runs in its own process. All state is below one folder and survives a
//! kill. The wire types are written from the vendor's public OpenAPI document and shared with no
//! client, so that a client and this server can't be wrong together.

pub mod api;
pub mod balancer;
mod catalog;
pub mod cloud;
pub mod clusters;
pub mod control;
pub mod control_api;
pub mod endpoint;
pub mod error;
pub mod faults;
pub mod files;
pub mod gcp;
pub mod hooks;
pub mod limits;
pub mod machines;
pub mod net;
pub mod options;
mod s3;
pub mod server;
pub mod settings;
pub mod sim;
pub mod stand_in;
pub mod world;

pub use cloud::CloudAccess;
pub use endpoint::{Account, Endpoint};
pub use error::SimError;
pub use faults::{Api as FaultApi, Effect as FaultEffect, Fault, FaultTable, SetFault};
pub use gcp::GcpAccount;
pub use hooks::{Machines, PowerEvent};
pub use infra_sim_kube::Clock;
pub use limits::Limits;
pub use net::Net;
pub use options::ServeOptions;
pub use server::{serve, shutdown_on_signals};
pub use settings::{MachineMode, Settings};
pub use sim::Sim;
pub use world::World;
