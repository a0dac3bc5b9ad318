//! Taking away what controllers have made.

use super::cluster::Cluster;
use super::descriptions as words;
use crate::gcp::compute::{links, take_away};
use crate::world::State as World;

/// Takes a load balancer away, in the order of the controller; what others use stays.
pub fn balancer(w: &mut World, cluster: &Cluster, name: &str) {
    take_away(w, &cluster.regional("forwardingRules", name));
    take_away(w, &cluster.global("firewalls", &words::firewall(name)));
    take_away(w, &cluster.regional("targetPools", name));
    for check in [name.to_owned(), words::nodes_check(&cluster.id)] {
        let path = cluster.global("httpHealthChecks", &check);
        let link = links::link(&path);
        let is_used = w.gcp_resources.by_name("targetPools").any(|pool| {
            pool.body["healthChecks"].as_array().is_some_and(|l| l.contains(&link.as_str().into()))
        });
        if !is_used {
            take_away(w, &path);
            take_away(w, &cluster.global("firewalls", &words::check_firewall(&check)));
        }
    }
    take_away(w, &cluster.regional("addresses", name));
}

/// Takes away all that the controllers of a cluster have made.
pub fn all(w: &mut World, cluster: u64) {
    let paths: Vec<String> = w.gcp_resources.by_group(cluster).map(|r| r.path.clone()).collect();
    for path in paths {
        take_away(w, &path);
    }
}
