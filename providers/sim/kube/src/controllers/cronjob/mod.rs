//! CronJobs.

mod controller;
mod schedule;

pub use controller::CronJobs;
