//! Whether the machine that runs `infra` stays able to reach the API server, where not everybody may.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};

use infra_cloud::Plane;
use infra_provider_api::LoadBalancerConfig;
use ipnet::IpNet;

use super::{observe::Observation, open::Session};
use crate::engine::{Action, Plan};

/// Nothing is sent there: connecting a datagram socket only chooses the way out.
const ANYWHERE: (Ipv4Addr, u16) = (Ipv4Addr::new(192, 0, 2, 1), 9);

impl Session {
    /// Returns a note where the plan narrows who may connect to the API server, and this machine's
    /// own address is not known to be among those.
    pub(super) fn own_address_note(&self, looked: &Observation, plan: &Plan) -> Option<String> {
        let changes = |action: Action| action.creates() || action == Action::Update;
        let door = match &self.cloud.plane {
            Plane::Own(plane) => &plane.api_door,
            Plane::Managed(plane) => &plane.cluster,
        };
        let is_set = plan.changes.iter().any(|one| one.address == *door && changes(one.action));
        if !is_set || plan.options.destroy {
            return None;
        }
        note(&looked.cluster.api_load_balancer, own_address())
    }
}

/// Returns the address from which this machine reaches others, as far as it knows itself.
fn own_address() -> Option<IpAddr> {
    let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).ok()?;
    socket.connect(SocketAddr::from(ANYWHERE)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// Reports whether an address is the one that others see: no gateway translates it.
fn is_public(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => {
            // 100.64.0.0/10 is shared among a provider's customers.
            let shared = ip.octets()[0] == 100 && ip.octets()[1] & 0xc0 == 64;
            !(ip.is_private() || ip.is_loopback() || ip.is_link_local() || shared)
        }
        IpAddr::V6(_) => false,
    }
}

fn note(balancer: &LoadBalancerConfig, own: Option<IpAddr>) -> Option<String> {
    if !balancer.is_narrow() {
        return None;
    }
    let ranges: Vec<String> = balancer.allow.iter().map(IpNet::to_string).collect();
    let ranges = ranges.join(", ");
    let everybody = |range: &IpNet| range.prefix_len() == 0;
    match own.filter(|ip| is_public(*ip)) {
        _ if balancer.allow.iter().any(everybody) => None,
        Some(own) if balancer.allow.iter().any(|range| range.contains(&own)) => None,
        Some(own) => Some(format!(
            "only {ranges} and the cluster's machines may connect to the API server, and this \
             machine's address {own} is not among them: infra will not reach the cluster from here"
        )),
        None => Some(format!(
            "only {ranges} and the cluster's machines may connect to the API server: infra reaches \
             the cluster from here only if the address that this machine has outside is among them"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_address_that_others_see_proves_anything() {
        let mut balancer = LoadBalancerConfig::open(6443);
        assert_eq!(note(&balancer, None), None);
        balancer.allow = vec!["203.0.113.0/24".parse().unwrap(), "10.0.0.0/8".parse().unwrap()];
        let said = |own: &str| note(&balancer, Some(own.parse().unwrap())).unwrap_or_default();
        assert_eq!(said("203.0.113.9"), "");
        assert!(said("198.51.100.9").contains("198.51.100.9 is not among them"));
        // It leaves by a gateway with another address.
        assert!(said("10.1.2.3").contains("has outside"));
        assert!(said("100.64.1.1").contains("has outside"));
        balancer.allow = vec!["0.0.0.0/0".parse().unwrap()];
        assert_eq!(note(&balancer, None), None);
    }
}
