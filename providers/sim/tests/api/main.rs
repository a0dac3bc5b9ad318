//! Drives the embedded cloud over HTTPS, as a client of the vendor would.

mod balancers;
mod control;
mod droplets;
mod harness;
mod names;
mod networks;
mod openapi;
mod persistence;
mod process;
mod rules;
mod s3;
mod signing;
mod volumes;
