//! The kinds of GKE against a small stand-in that keeps one project in memory.

mod cluster;
mod instance;
mod patience;
mod pool;
mod preflight;
mod server;
mod world;
