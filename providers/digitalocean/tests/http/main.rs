//! The provider against a server that answers as each test tells it to.

mod client;
mod droplets;
mod mock;
