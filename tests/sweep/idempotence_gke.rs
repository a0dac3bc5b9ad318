//! Every kind that a cluster on GKE has, against the embedded cloud: each action twice, and each action failed once
//! and lost once.

use infra_test_utils::KUBERNETES;
use xtask::sweep::Provider;

use super::lives::Life;

/// Kinds that no file can declare: Kubernetes makes them.
const MADE_BY_KUBERNETES: [&str; 4] =
    ["disk", "kubernetes_firewall", "kubernetes_load_balancer", "kubernetes_neg"];
/// There by themselves after a failed run: a pool comes with its cluster, a Node with its machine.
const JOIN_BY_THEMSELVES: [&str; 3] = ["api_server", "node", "node_set"];
/// The embedded GKE makes no addresses: `providers/gcp/tests` has some.
const LEFT_OUT: [&str; 1] = ["kubernetes_address"];

/// A resource of each kind.
fn declared() -> String {
    format!(
        r#"[cluster]
name = "lab"
provider = "gcp"
kubernetes = "{KUBERNETES}"

[providers.gcp]
region = "europe-west3"
zones = ["a", "b"]
private = true

[pools.worker]
count = 4
vcpus = 2
memory = "4GiB"
labels = {{ work = "web" }}

[[firewall]]
protocol = "tcp"
ports = "22"
from = ["203.0.113.0/24"]

[[firewall]]
to = "api"
from = ["127.0.0.0/8"]

[dns]
domain = "lab.example.com"
ttl = 300

[tls]
issuer = "own"

[apps]
base = "apps"
"#
    )
}

/// A smaller pool with another label, one more pool, another rule, other ranges, another time to live.
fn changed() -> String {
    let changes = [
        ("count = 4", "count = 2"),
        ("\"web\"", "\"batch\""),
        ("203.0.113.0/24", "198.51.100.0/24"),
        ("[\"127.0.0.0/8\"]", "[\"127.0.0.0/8\", \"198.51.100.0/24\"]"),
        ("ttl = 300", "ttl = 60"),
    ];
    let text = changes.iter().fold(declared(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    });
    format!("{text}\n[pools.batch]\ncount = 2\nvcpus = 2\nmemory = \"4GiB\"\nspot = true\n")
}

#[test]
fn every_kinds_actions_on_gke_twice_and_failed_once() {
    Life {
        provider: Provider::Gcp,
        declared: declared(),
        changed: changed(),
        rotates: true,
        made_by_kubernetes: &MADE_BY_KUBERNETES,
        join_by_themselves: &JOIN_BY_THEMSELVES,
        left_out: &LEFT_OUT,
    }
    .lead();
}
