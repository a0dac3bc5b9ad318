//! Every kind that is registered, against the embedded cloud: each action twice, and each action
//! failed once and lost once. A new kind is here as soon as it is registered; if the file below
//! leaves it out, this says so.

use infra_test_utils::{ClusterToml, POD_RANGE};
use xtask::sweep::Provider;

use super::lives::Life;

/// Kinds that no file can declare: Kubernetes makes them.
const MADE_BY_KUBERNETES: [&str; 2] = ["kubernetes_load_balancer", "volume"];
/// Come with their machine: after a failed run, the next one may find them there.
const JOIN_BY_THEMSELVES: [&str; 3] = ["api_server", "etcd_member", "node"];
/// Needs a second control plane, which takes its time: `tests/scenario/quickstart.rs` has three.
const TURN: &str = "turn";

/// A resource of each kind that a file can declare.
const MORE: &str = r#"[ssh_keys]
ops = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ94r96iFZxcR4ULur54OWp3ee4dU9zgsgdyrWTnaQwZ ops@example.com"

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
"#;

/// Another rule, another time to live, another key, a worker less.
const CHANGES: [(&str, &str); 4] = [
    ("203.0.113.0/24", "198.51.100.0/24"),
    ("ttl = 300", "ttl = 60"),
    ("yrWTnaQwZ ops@", "yrWTnaQwZ team@"),
    ("[pools.worker]\ncount = 2", "[pools.worker]\ncount = 1"),
];

fn declared() -> String {
    ClusterToml::new("lab").pinned().pod_range(POD_RANGE).workers(2).with(MORE).to_string()
}

fn changed() -> String {
    CHANGES.iter().fold(declared(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

#[test]
fn every_kinds_actions_twice_and_failed_once() {
    Life {
        provider: Provider::Do,
        declared: declared(),
        changed: changed(),
        rotates: false,
        made_by_kubernetes: &MADE_BY_KUBERNETES,
        join_by_themselves: &JOIN_BY_THEMSELVES,
        left_out: &[TURN],
    }
    .lead();
}
