//! Listeners that keep their port over restarts where it is still free.

use std::net::{Ipv4Addr, SocketAddr};

use tokio::net::{TcpListener, TcpSocket};

use crate::error::SimError;

/// Listens on 127.0.0.1, on the wanted port if that is free, else on any.
///
/// # Errors
/// Returns an error if no port at all can be had.
pub fn listen(wanted: Option<u16>) -> Result<(TcpListener, u16), SimError> {
    if let Some(port) = wanted
        && let Ok(listener) = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
    {
        return Ok((listener, port));
    }
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let failed = |source| SimError::Listen { address: any.to_string(), source };
    let listener = bind(any).map_err(failed)?;
    let port = listener.local_addr().map_err(failed)?.port();
    Ok((listener, port))
}

/// Listens on exactly this address. Connections of a killed predecessor that linger don't stand in the way.
///
/// # Errors
/// Returns the operating system's error.
pub fn bind(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(1024)
}
