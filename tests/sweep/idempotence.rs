//! Every kind that is registered, against the embedded cloud: each action twice, and each action
//! failed once and lost once. A new kind is here as soon as it is registered; if the file below
//! leaves it out, this says so.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use infra::{config, session::SessionOptions};
use infra_provider_api::Phase;
use infra_test_utils::{ClusterToml, POD_RANGE};
use xtask::sweep::{Lab, Provider, SUITE, Tools};

use super::{
    failing_kinds::{Log, Trouble},
    runs::Runs,
};

const SPEED: f64 = 25.0;

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

/// A site with a certificate, beside the suite of the other sweeps.
const SITE: &str = "apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: site, namespace: shop }
spec:
  tls: [{ hosts: [shop.lab.example.com], secretName: site-tls }]
  rules:
    - host: shop.lab.example.com
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: api, port: { number: 80 } } } }] }
";

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

fn options() -> SessionOptions {
    SessionOptions {
        file: PathBuf::from("infra.toml"),
        spec: config::Options::default(),
        sim: true,
        sim_speed: Some(SPEED),
    }
}

#[test]
fn every_kinds_actions_twice_and_failed_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let home = std::env::current_dir().unwrap();
    let tools = Tools {
        binary: PathBuf::from(env!("CARGO_BIN_EXE_infra")),
        speed: SPEED,
        provider: Provider::Do,
    };
    let mut shapes = Vec::new();
    for how in [Trouble::Twice, Trouble::FailsOnceAndIsLostOnce] {
        let lab = Lab::empty(&tools).unwrap();
        lab.write("infra.toml", &declared()).unwrap();
        lab.write("apps/all.yaml", SUITE).unwrap();
        lab.write("apps/site.yaml", SITE).unwrap();
        lab.start_cloud(Some(7)).unwrap();
        // A session works in the current folder. Nothing else in this program asks for it.
        std::env::set_current_dir(lab.path()).unwrap();
        let log = Arc::new(Mutex::new(Log::default()));
        let phase = Phase::default();
        let runs = Runs { session: options(), phase, how, log: Arc::clone(&log) };
        let mut took = BTreeMap::new();

        took.insert("create", runtime.block_on(runs.converge(false)));
        runtime.block_on(runs.assert_settled("created"));
        let looked = runtime.block_on(runs.observe());
        let names: Vec<&str> = looked.kinds.names().collect();
        lab.write("infra.toml", &changed()).unwrap();
        lab.write("apps/all.yaml", &SUITE.replace("green", "blue")).unwrap();
        lab.write("apps/site.yaml", &SITE.replace("shop.lab", "store.lab")).unwrap();
        took.insert("update", runtime.block_on(runs.converge(false)));
        runtime.block_on(runs.assert_settled("updated"));
        shapes.push(lab.shape().unwrap());
        took.insert("destroy", runtime.block_on(runs.converge(true)));
        assert_eq!(lab.shape().unwrap(), BTreeMap::new(), "{how:?}: something is left");
        std::env::set_current_dir(&home).unwrap();

        let log = log.lock().unwrap();
        assert!(log.broken.is_empty(), "{:#?}", log.broken);
        eprintln!("{how:?}: runs {took:?}; {:?}", log.actions);
        for name in names.into_iter().filter(|name| *name != TURN) {
            let actions = log.actions.get(name);
            let wanted = if MADE_BY_KUBERNETES.contains(&name) { "delete" } else { "create" };
            let by_itself =
                name == "volume" || how != Trouble::Twice && JOIN_BY_THEMSELVES.contains(&name);
            let there = by_itself || actions.is_some_and(|all| all.contains(wanted));
            assert!(there, "{name} is registered, and the file above never makes one");
        }
    }
    assert_eq!(shapes[0], shapes[1], "both ways lead to the same world");
}
