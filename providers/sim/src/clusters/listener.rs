//! An API server's listener on a machine.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::TcpListener;

/// Binds where the API server listened before, else on the machine's own address, else anywhere on
/// loopback (hosts that have no more than 127.0.0.1).
///
/// # Errors
/// Returns the last reason if nothing works.
pub async fn bind(
    before: Option<SocketAddr>,
    own: Option<Ipv4Addr>,
    port: u16,
) -> std::io::Result<TcpListener> {
    let places =
        [before, own.filter(|ip| ip.is_loopback()).map(|ip| SocketAddr::new(ip.into(), port))];
    for place in places.into_iter().flatten() {
        if let Ok(listener) = TcpListener::bind(place).await {
            return Ok(listener);
        }
    }
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await
}
