//! Gives each node its range of pod addresses.

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use ipnet::{IpNet, Ipv4Net};
use serde_json::{Value, json};

use crate::controllers::context::{Controller, Ctx, Next};
use crate::controllers::error::ControllerError;
use crate::controllers::index::{Change, Key};
use crate::controllers::kinds::NODES;
use crate::controllers::object::ObjectExt;

/// The node IPAM controller: a /24 for each node, as `--node-cidr-mask-size` has it by default.
#[derive(Default)]
pub struct NodeIpam {
    ranges: Mutex<Ranges>,
}

/// Which ranges are taken; read from the nodes as they come by.
#[derive(Default)]
struct Ranges {
    taken: HashSet<String>,
    /// All ranges before this one are taken.
    from: usize,
}

#[async_trait]
impl Controller for NodeIpam {
    fn name(&self) -> &'static str {
        "cidrAllocator"
    }

    fn wake(&self, _: &Ctx, change: &Change, out: &mut Vec<Key>) {
        if !change.is(&NODES) {
            return;
        }
        let cidr = change.object.str_at("/spec/podCIDR");
        if !cidr.is_empty() {
            let mut ranges = self.ranges();
            if change.deleted {
                ranges.taken.remove(cidr);
                ranges.from = 0;
            } else if !ranges.taken.contains(cidr) {
                ranges.taken.insert(cidr.to_owned());
            }
        } else if !change.deleted {
            out.push(change.key.clone());
        }
    }

    async fn reconcile(&self, ctx: &Ctx, key: &Key) -> Result<Next, ControllerError> {
        let Some(node) = ctx.get(key) else {
            return Ok(Next::Done);
        };
        if !node.str_at("/spec/podCIDR").is_empty() {
            return Ok(Next::Done);
        }
        let free = first_free(&ctx.options().pod_cidr, &mut self.ranges());
        let Some(cidr) = free else {
            ctx.warning(
                self.name(),
                &node,
                "CIDRNotAvailable",
                &format!("Node {} status is now: CIDRNotAvailable", node.name()),
            );
            return Ok(Next::Done);
        };
        ctx.modify(&NODES, &node, |n: &mut Value| {
            n["spec"]["podCIDR"] = json!(cidr);
            n["spec"]["podCIDRs"] = json!([cidr]);
        })?;
        Ok(Next::Done)
    }
}

impl NodeIpam {
    fn ranges(&self) -> MutexGuard<'_, Ranges> {
        self.ranges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Takes the first free range.
fn first_free(of: &IpNet, ranges: &mut Ranges) -> Option<String> {
    let IpNet::V4(net) = of else {
        return None;
    };
    let size = net.prefix_len().max(24);
    let (index, cidr) = net
        .subnets(size)
        .ok()?
        .enumerate()
        .skip(ranges.from)
        .map(|(i, s)| (i, s.to_string()))
        .find(|(_, s)| !ranges.taken.contains(s))?;
    ranges.from = index;
    ranges.taken.insert(cidr.clone());
    Some(cidr)
}

/// Returns the n-th usable address of a node's range.
pub fn nth_address(cidr: &str, n: u32) -> Option<Ipv4Addr> {
    let net: Ipv4Net = cidr.parse().ok()?;
    let address = u32::from(net.network()).checked_add(n)?;
    let address = Ipv4Addr::from(address);
    (net.contains(&address) && address != net.broadcast()).then_some(address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_given_once_and_run_out() {
        let net: IpNet = "10.244.0.0/23".parse().unwrap();
        let mut ranges = Ranges::default();
        assert_eq!(first_free(&net, &mut ranges).unwrap(), "10.244.0.0/24");
        assert_eq!(first_free(&net, &mut ranges).unwrap(), "10.244.1.0/24");
        assert!(first_free(&net, &mut ranges).is_none());
        assert_eq!(nth_address("10.244.1.0/24", 2).unwrap().to_string(), "10.244.1.2");
        assert!(nth_address("10.244.1.0/24", 255).is_none());
    }
}
