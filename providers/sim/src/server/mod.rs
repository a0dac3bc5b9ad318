//! Listening, TLS, HTTP.

mod connections;
mod identity;
mod ports;
mod run;
mod signals;
mod tls;

pub use connections::{Peer, serve_http};
pub use identity::Identity;
pub use ports::bind;
pub use run::serve;
pub use signals::shutdown_on_signals;
pub use tls::Authority;
