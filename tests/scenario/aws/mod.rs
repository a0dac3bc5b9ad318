//! AWS, up to the infrastructure, from the built binary against `moto`.

mod crash;
mod lab;
mod life;
mod moto;
mod record;
mod refusals;
