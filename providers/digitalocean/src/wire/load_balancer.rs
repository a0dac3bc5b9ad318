//! Load balancers.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::null_as_empty;
use crate::{ForwardingRule, HealthCheck};

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LoadBalancerAnswer {
    pub(crate) load_balancer: LoadBalancer,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct LoadBalancer {
    pub(crate) id: String,
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) ip: Option<String>,
    #[serde(default)]
    pub(crate) status: String,
    #[serde(default)]
    pub(crate) tag: Option<String>,
    /// Tags of its own. The older `tag` selects its droplets.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) tags: Vec<String>,
    #[serde(default)]
    pub(crate) vpc_uuid: Option<String>,
    #[serde(default)]
    pub(crate) region: Option<RegionName>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) forwarding_rules: Vec<ForwardingRule>,
    #[serde(default)]
    pub(crate) health_check: Option<HealthCheck>,
    #[serde(default)]
    pub(crate) firewall: Option<Firewall>,
    /// Also those that it has by a tag.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) droplet_ids: Vec<u64>,
    /// Everything else that it has.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

/// What the vendor decides, and what it no longer takes.
const READ_ONLY: [&str; 3] = ["ipv6", "created_at", "algorithm"];

/// Who may connect: `ip:192.0.2.7`, `cidr:192.0.2.0/24`. Without rules, everybody.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Firewall {
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) allow: Vec<String>,
    #[serde(default, deserialize_with = "null_as_empty")]
    pub(crate) deny: Vec<String>,
}

impl LoadBalancer {
    /// Returns what this tool does not manage, in the form in which a change takes it: a change resets
    /// everything that it does not name.
    pub(crate) fn unmanaged(&self) -> Map<String, Value> {
        let mut all = self.rest.clone();
        all.insert("tags".to_owned(), self.tags.clone().into());
        // What is empty is at its default, and some of it is refused for another type.
        all.retain(|name, value| !READ_ONLY.contains(&name.as_str()) && !is_empty(value));
        if all.contains_key("size_unit") {
            // The older word for the same; only one of them is taken.
            all.remove("size");
        }
        all
    }

    /// Returns who may connect, in order; empty: everybody.
    pub(crate) fn allowed(&self) -> BTreeSet<String> {
        self.firewall.iter().flat_map(|firewall| firewall.allow.iter().cloned()).collect()
    }

    /// Returns who may not connect.
    pub(crate) fn denied(&self) -> &[String] {
        self.firewall.as_ref().map_or(&[], |firewall| &firewall.deny)
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        Value::Bool(_) | Value::Number(_) => false,
    }
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct RegionName {
    pub(crate) slug: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_managed_goes_back_as_it_came() {
        let shown = json!({
            "id": "7", "name": "api", "ip": "203.0.113.7", "ipv6": "", "status": "active",
            "created_at": "2026-01-01T00:00:00Z", "algorithm": "round_robin", "size": "lb-small",
            "size_unit": 2, "droplet_ids": [7], "tag": "nodes", "tags": ["team"], "domains": null,
            "glb_settings": {}, "project_id": "p", "redirect_http_to_https": false,
            "region": {"slug": "fra1", "name": "Frankfurt"}, "sticky_sessions": {"type": "none"},
        });
        let mut balancer: LoadBalancer = serde_json::from_value(shown.clone()).unwrap();
        let unmanaged = json!({
            "size_unit": 2, "tags": ["team"], "project_id": "p", "redirect_http_to_https": false,
            "sticky_sessions": {"type": "none"},
        });
        assert_eq!(Value::from(balancer.unmanaged()), unmanaged);
        // Where there are no units, the older word stays.
        balancer.rest.remove("size_unit");
        assert_eq!(balancer.unmanaged()["size"], "lb-small");
    }
}
