//! Address ranges, and whether they are large enough.

use infra_provider_api::Network;
use ipnet::Ipv4Net;

use super::Resolver;
use crate::config::values;

/// The range of pod addresses that every node takes (kube-controller-manager's default).
const NODE_PREFIX: u8 = 24;

impl Resolver<'_> {
    fn cidr(&mut self, key: &str, written: Option<&String>, default: &str) -> Option<Ipv4Net> {
        let text = written.map_or(default, String::as_str);
        let Ok(net) = text.parse::<Ipv4Net>() else {
            self.wrong(
                &["network", key],
                format!("`{text}` is not an address range; write it as {default}"),
            );
            return None;
        };
        if net != net.trunc() {
            self.wrong_hint(
                &["network", key],
                format!("`{text}` has bits set behind its prefix"),
                format!("did you mean {}?", net.trunc()),
            );
        }
        Some(net.trunc())
    }

    pub(super) fn network(&mut self) -> Network {
        let raw = &self.raw.network;
        let machines = self.cidr("machines", raw.machines.as_ref(), "10.110.0.0/20");
        let pods = self.cidr("pods", raw.pods.as_ref(), "10.244.0.0/16");
        let services = self.cidr("services", raw.services.as_ref(), "10.96.0.0/16");
        let named = [("machines", machines), ("pods", pods), ("services", services)];
        for (at, (name, net)) in named.iter().enumerate() {
            for (other_name, other) in &named[..at] {
                // One that can't be read has been reported.
                let (Some(net), Some(other)) = (net, other) else { continue };
                if net.contains(&other.network()) || other.contains(&net.network()) {
                    // Point at the one that was written, the other is a default.
                    let written = self.merged.at(&["network"]).field(name).is_some();
                    self.wrong_hint(
                        &["network", if written { name } else { other_name }],
                        format!("`{name}` ({net}) and `{other_name}` ({other}) overlap"),
                        "machines, pods and services each need addresses of their own",
                    );
                }
            }
        }
        let [machines, pods, services] = [machines, pods, services].map(Option::unwrap_or_default);
        if pods.prefix_len() > NODE_PREFIX {
            self.wrong(
                &["network", "pods"],
                format!("{pods} is too small: every node takes a /24 out of it"),
            );
        }
        let cluster_domain = raw.cluster_domain.clone().unwrap_or_else(|| "cluster.local".into());
        if let Err(why) = values::domain(&cluster_domain) {
            self.wrong(&["network", "cluster_domain"], format!("`{cluster_domain}`: {why}"));
        }
        let machines_source = raw.machines.as_ref().and_then(|_| {
            self.source(&["network", "machines"]).or_else(|| self.source(&["network"]))
        });
        Network { machines, machines_source, pods, services, cluster_domain }
    }

    /// Checks that there are addresses for `nodes` machines and their pods. A machine that is being
    /// replaced stays until its successor exists, so one more has to fit.
    pub(super) fn room(&mut self, network: &Network, nodes: usize) {
        let places = |net: &Ipv4Net, prefix: u8| {
            1_usize << u32::from(prefix.saturating_sub(net.prefix_len())).min(31)
        };
        let wanted = nodes + 1;
        let prefix_for = |prefix: u8| {
            let bits = usize::BITS - (wanted.max(1) - 1).leading_zeros();
            u32::from(prefix).saturating_sub(bits)
        };
        let (pods, machines) = (network.pods, network.machines);
        // Where no range is written, the largest pool is the place to look at.
        let written = self.merged.at(&["network"]).field("pods").is_some();
        let largest = self.raw.pools.iter().max_by_key(|(_, pool)| pool.count.max(pool.max));
        let largest = largest.map(|(name, _)| name.clone()).unwrap_or_default();
        let bounded = self.raw.pools.get(&largest).is_some_and(|pool| pool.max.is_some());
        let at_pool = ["pools", largest.as_str(), if bounded { "max" } else { "count" }];
        let place: &[&str] = if written { &["network", "pods"] } else { &at_pool };
        if pods.prefix_len() <= NODE_PREFIX && places(&pods, NODE_PREFIX) < wanted {
            self.wrong_hint(
                place,
                format!(
                    "`pods` ({pods}) has room for {} nodes, a /{NODE_PREFIX} each; {nodes} nodes, and one more while one is replaced, do not fit",
                    places(&pods, NODE_PREFIX)
                ),
                format!("make it a /{} or larger, in [network]", prefix_for(NODE_PREFIX)),
            );
        }
        // The network's own address, the broadcast, the gateway and a little for load balancers.
        let usable = places(&machines, 32).saturating_sub(8);
        if machines.prefix_len() > 0 && usable < wanted {
            self.wrong_hint(
                &["network", "machines"],
                format!("`machines` ({machines}) has no room for {nodes} nodes"),
                format!("make it a /{} or larger, in [network]", prefix_for(32).saturating_sub(1)),
            );
        }
    }
}
