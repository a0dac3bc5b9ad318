//! The engine against a cloud in memory: converges, whatever fails and wherever it is killed.

mod cloud;
mod converge;
mod kill;
mod lock;
mod order;
mod plans;
mod store;
mod world;
