//! The provider against the embedded cloud.

mod cloud;
mod cluster;
mod faults;
mod life;
mod steps;
