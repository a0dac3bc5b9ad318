//! Many nodes: everything is found by index, nothing by looking at all for each change.

mod controllers_support;

use std::time::{Duration, Instant};

use controllers_support::objects::{cni, template};
use controllers_support::{Sim, apps};
use serde_json::json;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_nodes_with_three_daemon_sets() {
    // A thousand take four times as long; INFRA_TEST_NODES=1000 tries it.
    let count: i64 =
        std::env::var("INFRA_TEST_NODES").ok().and_then(|n| n.parse().ok()).unwrap_or(150);
    let sim = Sim::empty(100.0).await;
    let begun = Instant::now();
    sim.create(&apps("daemonsets"), cni());
    for name in ["a", "b"] {
        sim.create(
            &apps("daemonsets"),
            json!({"apiVersion": "apps/v1", "kind": "DaemonSet",
                "metadata": {"name": name, "namespace": "kube-system"},
                "spec": {"selector": {"matchLabels": {"app": name}}, "template": template(name, "example.com/a:1")}}),
        );
    }
    for i in 0..count {
        sim.join(&format!("node-{i}"));
    }
    let done = |s: &Sim, n: i64| {
        let (sets, _) = s.store().list(&apps("daemonsets"), None);
        sets.iter().all(|d| d["status"]["numberAvailable"] == n)
    };
    sim.within(Duration::from_secs(120), "all pods run", |s| done(s, count)).await;
    eprintln!("{count} nodes: {:?}", begun.elapsed());
    // Idle means idle: nothing is written when nothing happens.
    let mut watch = sim.store().watch_all(sim.store().revision());
    let quiet = async {
        while tokio::time::timeout(Duration::from_millis(300), watch.next()).await.is_ok() {}
    };
    tokio::time::timeout(Duration::from_secs(20), quiet).await.expect("writes never end");
}
