//! Machines that become a cluster: real bash, real curl, real TLS, and the real kubectl.

mod support;

use std::process::Command;

use support::node::{Artifacts, init_documents, join_document, publish, user_data};
use support::pki::Pki;
use support::{Cloud, watch};

/// A cloud with artifacts in a bucket and one control plane behind a load balancer.
struct Started {
    cloud: Cloud,
    artifacts: Artifacts,
    pki: Pki,
    endpoint: String,
    control: u64,
}

async fn start(data: &std::path::Path, ttl: &str) -> Started {
    let cloud = Cloud::start(data).await;
    let artifacts = publish(&cloud).await;
    let pki = Pki::make();
    let endpoint = cloud.load_balancer("control", 6443, 6443).await;
    let text =
        user_data(&artifacts, Some(&pki), "init", &init_documents("control-1", &endpoint, ttl));
    let control = cloud.droplet("control-1", "control", &text).await;
    cloud.booted_well(control).await;
    Started { cloud, artifacts, pki, endpoint, control }
}

impl Started {
    /// The output of the real kubectl with the control plane's own kubeconfig; `None` when it fails.
    fn kubectl(&self, args: &[&str]) -> Option<String> {
        let config = self.cloud.machine(self.control).join("root/etc/kubernetes/admin.conf");
        let output =
            Command::new("kubectl").arg("--kubeconfig").arg(config).args(args).output().ok()?;
        if !output.status.success() {
            eprintln!("kubectl {args:?}: {}", String::from_utf8_lossy(&output.stderr));
            return None;
        }
        Some(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Nodes get ready with a network, pods run, and a load balancer reaches a Service.
    async fn pods_are_reached(&self) {
        let pods = self.kubectl(&["get", "pods", "-n", "kube-system", "-o", "name"]).unwrap();
        for pod in ["pod/kube-apiserver-control-1", "pod/etcd-control-3", "pod/kube-proxy-"] {
            assert!(pods.contains(pod), "{pod}: {pods}");
        }
        let web = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/web.yaml");
        self.kubectl(&["apply", "-f", web]).unwrap();
        let ready = ["wait", "--for=condition=Ready", "node", "--all", "--timeout=60s"];
        self.kubectl(&ready).expect("all nodes get ready");
        self.kubectl(&["rollout", "status", "deployment/web", "--timeout=60s"]).unwrap();
        let ip = self.cloud.load_balancer("worker", 8080, 30080).await;
        let client = reqwest::Client::builder().no_proxy().build().unwrap();
        watch("the Service answers through the load balancer", || async {
            let answer = client.get(format!("http://{ip}:8080/")).send().await.ok()?;
            let text = answer.text().await.ok()?;
            text.contains("default/web").then_some(())
        })
        .await;
    }

    async fn nodes(&self, wanted: &[&str]) {
        watch(&format!("nodes {wanted:?}"), || async {
            let listed = self.kubectl(&["get", "nodes", "-o", "name"])?;
            let mut names: Vec<&str> =
                listed.lines().map(|l| l.trim_start_matches("node/")).collect();
            names.sort_unstable();
            (names == wanted).then_some(())
        })
        .await;
    }
}

fn has_kubectl() -> bool {
    let found = Command::new("kubectl")
        .args(["version", "--client"])
        .output()
        .is_ok_and(|o| o.status.success());
    if !found {
        eprintln!("SKIPPED: no kubectl on this host; what needs it was not checked");
    }
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_comes_up_is_joined_and_outlives_its_cloud() {
    let data = tempfile::tempdir().unwrap();
    let s = start(data.path(), "1h").await;
    let kubectl = has_kubectl();
    if kubectl {
        s.nodes(&["control-1"]).await;
    }
    let join = join_document("worker-1", &s.endpoint, &s.pki.pin, "");
    let worker =
        s.cloud.droplet("worker-1", "worker", &user_data(&s.artifacts, None, "join", &join)).await;
    s.cloud.booted_well(worker).await;
    let mut planes = Vec::new();
    for name in ["control-2", "control-3"] {
        let join = join_document(name, &s.endpoint, &s.pki.pin, "controlPlane: {}\n");
        let text = user_data(&s.artifacts, Some(&s.pki), "join", &join);
        planes.push(s.cloud.droplet(name, "control", &text).await);
    }
    // Both at once: etcd takes one learner at a time, the other tries again.
    for plane in &planes {
        s.cloud.booted_well(*plane).await;
    }
    let all = ["control-1", "control-2", "control-3", "worker-1"];
    if kubectl {
        s.nodes(&all).await;
    }

    if kubectl {
        s.pods_are_reached().await;
    }

    // The cloud ends and starts again over the same folder.
    let Started { cloud, artifacts, pki, endpoint, control } = s;
    cloud.end().await;
    let cloud = Cloud::start(data.path()).await;
    let s = Started { cloud, artifacts, pki, endpoint, control };
    if kubectl {
        s.nodes(&all).await;
    }

    // Two of three voters gone: no quorum, no answers.
    for plane in planes {
        let path = format!("/v2/droplets/{plane}");
        s.cloud.call(reqwest::Method::DELETE, &path, None).await;
    }
    if kubectl {
        watch("the API server has lost its quorum", || async {
            s.kubectl(&["get", "nodes", "-o", "name"]).is_none().then_some(())
        })
        .await;
    }
    // With the last control plane the cluster goes away.
    let path = format!("/v2/droplets/{}", s.control);
    s.cloud.call(reqwest::Method::DELETE, &path, None).await;
    let clusters = data.path().join("clusters");
    watch("the cluster's folder is gone", || async {
        (std::fs::read_dir(&clusters).unwrap().count() == 0).then_some(())
    })
    .await;
    s.cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn joins_with_a_wrong_pin_or_an_expired_token_are_refused() {
    let data = tempfile::tempdir().unwrap();
    let s = start(data.path(), "1s").await;
    let wrong = format!("sha256:{}", "0".repeat(64));
    // Worker 1 has a valid pin, but the token ends before it gets there.
    let join = join_document("worker-1", &s.endpoint, &s.pki.pin, "timeouts: {discovery: 60s}\n");
    watch("the token has ended", || async {
        let made = std::fs::metadata(s.cloud.machine(s.control).join("machine.json")).ok()?;
        (made.modified().ok()?.elapsed().ok()?.as_secs() >= 2).then_some(())
    })
    .await;
    let expired =
        s.cloud.droplet("worker-1", "worker", &user_data(&s.artifacts, None, "join", &join)).await;
    let record = s.cloud.booted(expired).await;
    assert_eq!(record["boot"], "failed", "{}", s.cloud.console(expired));
    assert!(
        s.cloud.console(expired).contains("could not find a JWS signature"),
        "{}",
        s.cloud.console(expired)
    );

    let other = tempfile::tempdir().unwrap();
    let s2 = start(other.path(), "1h").await;
    let join = join_document("worker-1", &s2.endpoint, &wrong, "");
    let refused = s2
        .cloud
        .droplet("worker-1", "worker", &user_data(&s2.artifacts, None, "join", &join))
        .await;
    let record = s2.cloud.booted(refused).await;
    assert_eq!(record["boot"], "failed");
    let tail = record["tail"].to_string();
    assert!(tail.contains("are pinned"), "{tail}");
    assert!(!tail.contains("0123456789abcdef"), "secrets are not shown: {tail}");
    s.cloud.end().await;
    s2.cloud.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_boot_that_was_cut_off_runs_again() {
    let data = tempfile::tempdir().unwrap();
    let cloud = Cloud::start(data.path()).await;
    let text = "#!/bin/bash\necho round >> \"$INFRA_ROOT/rounds\"\nwhile [ ! -e \"$INFRA_ROOT/go\" ]; do sleep 0.05; done\n";
    let id = cloud.droplet("worker-1", "worker", text).await;
    let rounds = cloud.machine(id).join("root/rounds");
    let read = || std::fs::read_to_string(&rounds).unwrap_or_default();
    watch("the first round", || async { (read() == "round\n").then_some(()) }).await;
    cloud.end().await;
    let cloud = Cloud::start(data.path()).await;
    watch("the second round", || async { (read() == "round\nround\n").then_some(()) }).await;
    std::fs::write(cloud.machine(id).join("root/go"), "").unwrap();
    cloud.booted_well(id).await;
    cloud.end().await;
    // A boot that ended is not run a third time.
    let cloud = Cloud::start(data.path()).await;
    cloud.booted_well(id).await;
    assert_eq!(read(), "round\nround\n");
    cloud.end().await;
}
