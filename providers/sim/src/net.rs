//! Which real socket stands behind a port of a simulated machine.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::watch;

/// The table of services on simulated machines: (droplet, port) to the real loopback socket.
/// Cheap to clone; clones share the table.
#[derive(Clone)]
pub struct Net {
    inner: Arc<Mutex<Inner>>,
    version: watch::Sender<u64>,
}

#[derive(Default)]
struct Inner {
    services: HashMap<(u64, u16), SocketAddr>,
    by_address: HashMap<Ipv4Addr, u64>,
}

impl Default for Net {
    fn default() -> Self {
        Self { inner: Arc::default(), version: watch::Sender::new(0) }
    }
}

impl Net {
    fn with<T>(&self, f: impl FnOnce(&mut Inner) -> T) -> T {
        f(&mut self.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Notes the addresses of a droplet, so that services can be found by them.
    pub fn add_droplet(&self, droplet: u64, addresses: &[Ipv4Addr]) {
        self.with(|i| {
            for address in addresses {
                i.by_address.insert(*address, droplet);
            }
        });
    }

    /// Forgets a droplet and all its services.
    pub fn remove_droplet(&self, droplet: u64) {
        self.with(|i| {
            i.by_address.retain(|_, d| *d != droplet);
            i.services.retain(|(d, _), _| *d != droplet);
        });
        self.version.send_modify(|v| *v += 1);
    }

    /// Makes `socket` answer for `port` of `droplet` from now on.
    pub fn register(&self, droplet: u64, port: u16, socket: SocketAddr) {
        self.with(|i| i.services.insert((droplet, port), socket));
        self.version.send_modify(|v| *v += 1);
    }

    /// Closes `port` of `droplet` again.
    pub fn unregister(&self, droplet: u64, port: u16) {
        self.with(|i| i.services.remove(&(droplet, port)));
        self.version.send_modify(|v| *v += 1);
    }

    /// Finds the real socket of (droplet, port), if something listens there.
    pub fn lookup(&self, droplet: u64, port: u16) -> Option<SocketAddr> {
        self.with(|i| i.services.get(&(droplet, port)).copied())
    }

    /// Finds the real socket of (public or private address, port).
    pub fn lookup_address(&self, address: Ipv4Addr, port: u16) -> Option<SocketAddr> {
        self.with(|i| {
            let droplet = *i.by_address.get(&address)?;
            i.services.get(&(droplet, port)).copied()
        })
    }

    /// Finds the droplet that has this address.
    pub fn droplet_at(&self, address: Ipv4Addr) -> Option<u64> {
        self.with(|i| i.by_address.get(&address).copied())
    }

    /// Fires when a service comes or goes.
    pub fn changed(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }
}
