//! Who is at the other end of a connection: so that a fault can strike one process and leave the
//! machines alone, and so that it can kill that process at one exact request.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, OnceLock, PoisonError};

use nix::sys::signal::{Signal, kill as send};
use nix::unistd::Pid;

use super::{Effect, Fault};

/// Connections that a load balancer forwards: its own end, and whom it forwards for.
static FORWARDED: OnceLock<Mutex<HashMap<SocketAddr, SocketAddr>>> = OnceLock::new();

fn forwarded<T>(f: impl FnOnce(&mut HashMap<SocketAddr, SocketAddr>) -> T) -> T {
    let table = FORWARDED.get_or_init(Mutex::default);
    f(&mut table.lock().unwrap_or_else(PoisonError::into_inner))
}

/// Notes that the connection from `own` is made on behalf of `client`, until dropped.
pub(crate) struct Forwarding(SocketAddr);

impl Forwarding {
    pub(crate) fn new(own: SocketAddr, client: SocketAddr) -> Self {
        forwarded(|table| table.insert(own, client));
        Self(own)
    }
}

impl Drop for Forwarding {
    fn drop(&mut self) {
        forwarded(|table| table.remove(&self.0));
    }
}

/// Returns true if process `pid` holds the socket that is bound to `peer`. It returns false on a
/// system that has no `/proc` to ask.
pub(crate) fn holds(pid: u32, peer: SocketAddr) -> bool {
    let peer = forwarded(|table| table.get(&peer).copied()).unwrap_or(peer);
    let Some(inode) = inode(peer) else { return false };
    let wanted = format!("socket:[{inode}]");
    let Ok(files) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    files
        .flatten()
        .filter_map(|file| std::fs::read_link(file.path()).ok())
        .any(|target| target.as_os_str() == wanted.as_str())
}

/// Finds the inode of the TCP socket that is bound to `local`.
fn inode(local: SocketAddr) -> Option<u64> {
    let IpAddr::V4(ip) = local.ip() else { return None };
    // The address as the machine's own integer, as the system prints it.
    let address = format!("{:08X}:{:04X}", u32::from_ne_bytes(ip.octets()), local.port());
    let table = std::fs::read_to_string("/proc/net/tcp").ok()?;
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        (fields.next()? == address).then_some(())?;
        // remote, state, queues, timer, retransmits, uid, timeout
        let inode: u64 = fields.nth(7)?.parse().ok()?;
        (inode != 0).then_some(inode)
    })
}

/// Kills the client of a request that met this fault, if that is the fault's effect at this moment.
pub(crate) fn strike(fault: &Fault, moment: Effect) {
    if fault.effect == moment
        && moment.is_kill()
        && let Some(pid) = fault.client_pid
    {
        kill(pid);
    }
}

/// Kills a process. Only ever one that was found to hold the other end of a connection.
pub(crate) fn kill(pid: u32) {
    if let Ok(pid) = i32::try_from(pid)
        && let Err(error) = send(Pid::from_raw(pid), Signal::SIGKILL)
    {
        tracing::warn!("process {pid} could not be killed: {error}");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_holds_its_connections() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let peer = client.local_addr().unwrap();
        assert!(holds(std::process::id(), peer));
        assert!(!holds(1, peer) || std::process::id() == 1);
        let front: SocketAddr = "127.0.0.9:9".parse().unwrap();
        assert!(!holds(std::process::id(), front));
        let forwarding = Forwarding::new(front, peer);
        assert!(holds(std::process::id(), front));
        drop(forwarding);
        assert!(!holds(std::process::id(), front));
    }
}
