//! The provider against a server that answers as each test tells it to.

mod client;
mod clock;
mod droplets;
mod mock;
mod store;
