//! Addresses of pods.

use std::collections::{HashMap, HashSet};
use std::sync::Mutex;

use serde_json::Value;

use crate::controllers::context::Ctx;
use crate::controllers::node::nth_address;
use crate::controllers::object::ObjectExt;

/// Which addresses were given out, by node and pod uid.
#[derive(Default)]
pub struct Addresses {
    given: Mutex<HashMap<String, HashMap<String, String>>>,
}

impl Addresses {
    /// Returns the address of a pod: its node's for pods on the host's network, the one it has, or
    /// the first free one of the node's range. It returns `None` while the node has no range, or
    /// the range is used up.
    pub fn of(&self, ctx: &Ctx, pod: &Value, node: &Value) -> Option<String> {
        if pod.flag_at("/spec/hostNetwork") {
            return host_ip(node);
        }
        let have = pod.str_at("/status/podIP");
        if !have.is_empty() {
            return Some(have.to_owned());
        }
        let mut given = self.given.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let here = given.entry(node.name().to_owned()).or_default();
        if let Some(ip) = here.get(pod.uid()) {
            return Some(ip.clone());
        }
        let on_node = ctx.index.pods_on(node.name());
        here.retain(|uid, _| on_node.iter().any(|p| p.uid() == uid));
        let used: HashSet<&str> = on_node
            .iter()
            .filter(|p| !crate::controllers::pods::has_ended(p))
            .map(|p| p.str_at("/status/podIP"))
            .chain(here.values().map(String::as_str))
            .collect();
        let cidr = node.str_at("/spec/podCIDR");
        // The first address is the bridge's.
        let ip = (2..1 << 16)
            .map_while(|n| nth_address(cidr, n))
            .map(|a| a.to_string())
            .find(|a| !used.contains(a.as_str()))?;
        here.insert(pod.uid().to_owned(), ip.clone());
        Some(ip)
    }
}

/// Returns the node's address in the private network.
pub fn host_ip(node: &Value) -> Option<String> {
    node.list_at("/status/addresses")
        .iter()
        .find(|a| a["type"] == "InternalIP")
        .map(|a| a.str_at("/address").to_owned())
}
