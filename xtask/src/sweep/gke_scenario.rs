//! What is killed and disturbed on GKE.

use super::{Before, Scenario};

/// Stands for the name of a node in a command: only the cluster knows it.
pub(super) const NODE: &str = "{node}";

/// Not the newest version that the embedded GKE offers: it can move the control plane by itself.
const KUBERNETES: &str = "1.35.3";

/// Lists all scenarios.
pub(super) fn scenarios() -> Vec<Scenario> {
    let apply: &[&str] = &["apply", "--yes"];
    let scenario = Scenario::plain;
    vec![
        scenario("first-apply", Before::Nothing, apply),
        scenario("update", Before::Cluster, apply).changed(),
        scenario("scale-down", Before::Wide, apply).changed(),
        scenario("rotation", Before::Cluster, &["rotate-node", NODE, "--yes"]),
        scenario("pool-rotation", Before::Cluster, &["rotate-node", "--pool", "worker", "--yes"]),
        scenario("destroy", Before::Cluster, &["destroy", "--yes"]),
    ]
}

/// Returns the text of `infra.toml`. If it has `changed`, a wide pool gets smaller; any other gets larger and has
/// another label, and a rule, a time to live and the ranges that may reach the API server change.
pub(super) fn toml(before: Before, changed: bool) -> String {
    let updated = changed && before != Before::Wide;
    let wide = (before == Before::Wide) != changed;
    let count = if wide { 4 } else { 2 };
    let (from, ttl, work) = match updated {
        true => ("198.51.100.0/24", 60, "batch"),
        false => ("203.0.113.0/24", 300, "web"),
    };
    format!(
        r#"[cluster]
name = "lab"
provider = "gcp"
kubernetes = "{KUBERNETES}"

[providers.gcp]
region = "europe-west3"
zones = ["a", "b"]

[pools.worker]
vcpus = 2
memory = "4GiB"
count = {count}
labels = {{ work = "{work}" }}

[[firewall]]
protocol = "tcp"
ports = "22"
from = ["{from}"]

[dns]
domain = "lab.example.com"
ttl = {ttl}

[apps]
timeout = "30s"
base = "apps"
"#
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wide_pool_gets_smaller_and_any_other_larger() {
        let has = |before, changed, count: &str| toml(before, changed).contains(count);
        assert!(
            has(Before::Cluster, false, "count = 2") && has(Before::Cluster, true, "count = 4")
        );
        assert!(has(Before::Wide, false, "count = 4") && has(Before::Wide, true, "count = 2"));
        assert!(has(Before::Wide, true, "ttl = 300") && has(Before::Cluster, true, "ttl = 60"));
    }
}
