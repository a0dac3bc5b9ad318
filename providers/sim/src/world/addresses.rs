//! Addresses: public ones on loopback, private ones out of VPCs.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use ipnet::Ipv4Net;

use super::counters::mix;
use super::state::State;

/// 127.64.0.0, the first public address there is.
const FIRST: u32 = 0x7f40_0000;
/// Addresses in a block (a /18); 256 of them make 127.64.0.0/10.
const BLOCK: u32 = 1 << 14;
const BLOCKS: u64 = 256;
/// The port that marks a block as taken by a running embedded cloud.
const MARKER_PORT: u16 = 64_999;
/// The port whose freedom is probed before an address is given out: what a control plane will want.
const PROBE_PORT: u16 = 6443;

impl State {
    /// Chooses the block of public addresses, or takes the one this world has; the listener keeps others off it.
    /// A block that another one took meanwhile is kept too: addresses that were given out must not change.
    pub fn claim_block(&mut self) -> Option<TcpListener> {
        if let Some(block) = self.counters.block {
            return marker(block);
        }
        let first = mix(self.counters.seed, "block", 0) % BLOCKS;
        for i in 0..BLOCKS {
            let block = u8::try_from((first + i) % BLOCKS).unwrap_or(0);
            if let Some(listener) = marker(block) {
                self.counters.block = Some(block);
                return Some(listener);
            }
        }
        None
    }

    /// Takes the next public address nobody has, on which `ports` can be bound.
    pub fn next_public(&mut self, ports: &[u16]) -> Option<Ipv4Addr> {
        let block = self.counters.block.unwrap_or(0);
        for _ in 0..BLOCK {
            let n = self.counters.address % u64::from(BLOCK - 2) + 1;
            let wrapped = self.counters.address >= u64::from(BLOCK - 2);
            self.counters.address += 1;
            let n = u32::try_from(n).unwrap_or(1);
            let ip = Ipv4Addr::from(FIRST + u32::from(block) * BLOCK + n);
            if !(wrapped && self.public_in_use(ip)) && free(ip, ports) {
                return Some(ip);
            }
        }
        None
    }

    fn public_in_use(&self, ip: Ipv4Addr) -> bool {
        self.droplets.iter().any(|d| d.public_ip == Some(ip))
            || self.load_balancers.iter().any(|l| l.ip == ip)
            || self.reserved_ips.iter().any(|r| r.ip == ip)
            || self.instances.iter().any(|i| i.external_ip == Some(ip))
            || self.gke_clusters.iter().any(|c| c.endpoint.is_some_and(|e| e.ip() == ip))
    }

    /// Takes the next address of a VPC nobody has; the first one is the gateway's.
    pub fn next_private(&mut self, vpc: &str) -> Option<Ipv4Addr> {
        let row = self.vpcs.by_id(vpc)?.clone();
        let size = 1u32 << (32 - row.ip_range.prefix_len());
        // Not the network, the gateway or the broadcast address.
        let usable = size.checked_sub(3)?;
        for i in 0..usable {
            let given = row.given + i;
            let ip = Ipv4Addr::from(u32::from(row.ip_range.network()) + 2 + given % usable);
            let wrapped = given >= usable;
            if wrapped && self.droplets.iter().any(|d| d.vpc_uuid == vpc && d.private_ip == ip) {
                continue;
            }
            self.vpcs.modify(row.seq, |v| v.given = given + 1);
            return Some(ip);
        }
        None
    }

    /// Finds a /20 that overlaps no VPC.
    pub fn free_range(&self) -> Option<Ipv4Net> {
        (0..4096u32)
            .map(|i| Ipv4Addr::from(0x0a64_0000u32.wrapping_add(i << 12)))
            .filter(|ip| ip.octets()[0] == 10)
            .filter_map(|ip| Ipv4Net::new(ip, 20).ok())
            .find(|net| !self.overlaps(net))
    }

    /// Returns true if a range overlaps a VPC's.
    pub fn overlaps(&self, net: &Ipv4Net) -> bool {
        self.vpcs
            .iter()
            .any(|v| v.ip_range.contains(&net.network()) || net.contains(&v.ip_range.network()))
    }
}

fn marker(block: u8) -> Option<TcpListener> {
    let ip = Ipv4Addr::from(FIRST + u32::from(block) * BLOCK);
    TcpListener::bind(SocketAddr::from((ip, MARKER_PORT))).ok()
}

/// Returns true if no other process holds one of the ports. A port this user may not bind at all
/// counts as free.
fn free(ip: Ipv4Addr, ports: &[u16]) -> bool {
    ports.iter().chain(&[PROBE_PORT]).all(|port| {
        match TcpListener::bind(SocketAddr::from((ip, *port))) {
            Ok(_) => true,
            Err(e) => e.kind() != std::io::ErrorKind::AddrInUse,
        }
    })
}

/// Returns the netmask and gateway of public addresses, as droplets show them.
pub fn public_network(ip: Ipv4Addr) -> (Ipv4Addr, Ipv4Addr) {
    let mask = !(BLOCK - 1);
    let base = u32::from(ip) & mask;
    (Ipv4Addr::from(mask), Ipv4Addr::from(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_worlds_of_one_seed_get_different_blocks() {
        let (mut a, mut b) = (State::new(77), State::new(77));
        let held = (a.claim_block(), b.claim_block());
        assert!(held.0.is_some() && held.1.is_some());
        assert_ne!(a.counters.block, b.counters.block);
        let (x, y) = (a.next_public(&[]).unwrap(), a.next_public(&[]).unwrap());
        assert_ne!(x, y);
        assert!(x.octets()[0] == 127 && x.octets()[1] >= 64);
    }

    #[test]
    fn a_bound_address_is_skipped() {
        let mut a = State::new(78);
        let _held = a.claim_block();
        let next = a.next_public(&[]).unwrap();
        let after = Ipv4Addr::from(u32::from(next) + 1);
        let _taken = TcpListener::bind((after, 8088)).unwrap();
        assert_ne!(a.next_public(&[8088]), Some(after));
    }
}
