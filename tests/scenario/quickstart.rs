//! The main job: the quickstart, from nothing to running apps and back to nothing.

use super::lab::{Inventory, Kubectl, quickstart, skipped, visit};

/// The site is there under its name, through the load balancer and the Ingress; others are not.
fn assert_site(inventory: &Inventory) {
    let all = inventory.of("load_balancers");
    let ingress = all.iter().find(|one| one["name"].as_str().unwrap().contains("ingress")).unwrap();
    if !nix::unistd::geteuid().is_root() {
        return skipped("port 80 of the load balancer is for root: the site is not visited");
    }
    let ip = ingress["ip"].as_str().unwrap();
    let (status, body) = visit(ip, "test.quickstart.example.com", "/");
    assert_eq!(
        (status.as_str(), body.as_str()),
        ("HTTP/1.1 200 OK", "simulated answer of service test/api\n")
    );
    let (status, _) = visit(ip, "other.example.com", "/");
    assert_eq!(status, "HTTP/1.1 404 Not Found");
}

#[test]
fn from_one_file_to_running_apps_and_back() {
    let lab = quickstart();
    lab.run(&["apply", "--yes"]).ok().says("Ready").says("API server");
    lab.run(&["plan", "--detailed-exitcode"]).ok().says("No changes");
    let kubectl = Kubectl::of(&lab, "quickstart");
    if let Some(kubectl) = &kubectl {
        let nodes = kubectl.ready_nodes();
        let wanted =
            ["control-plane-1", "control-plane-2", "control-plane-3", "worker-1", "worker-2"];
        assert_eq!(nodes, wanted);
        assert_eq!(kubectl.broken_pods("test"), Vec::<Vec<String>>::new());
        assert_eq!(kubectl.broken_pods("kube-system"), Vec::<Vec<String>>::new());
    }

    assert_site(&lab.inventory());

    // A worker more, in a copy of the file, so that its folder of apps is the same.
    let more = lab.read("infra.toml").replacen("count = 2\n", "count = 3\n", 1);
    lab.write("more.toml", &more);
    let plan = lab.run(&["plan", "--detailed-exitcode", "-f", "more.toml"]).expect(2);
    let wanted = [
        "droplet.worker-3",
        "kubelet_certificate.worker-3",
        "node.worker-3",
        "node_bundle.worker-3",
    ];
    assert_eq!(plan.changed("+"), wanted, "{plan}");
    assert_eq!(plan.changes().len(), 4, "{plan}");
    let before = lab.inventory().ids();
    lab.run(&["apply", "--yes", "-f", "more.toml"]).ok();
    let after = lab.inventory();
    for (kind, ids) in &before {
        let now = after.ids_of(kind);
        assert!(ids.iter().all(|id| now.contains(id)), "{kind}: {ids:?} became {now:?}");
    }
    assert_eq!(after.of("droplets").len(), 6);
    lab.run(&["plan", "--detailed-exitcode", "-f", "more.toml"]).ok();
    if let Some(kubectl) = &kubectl {
        assert!(kubectl.ready_nodes().contains(&"worker-3".to_owned()));
    }

    // And gone again, drained: no pod is lost.
    let plan = lab.run(&["plan", "--detailed-exitcode"]).expect(2);
    assert_eq!(plan.changed("-"), wanted, "{plan}");
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    if let Some(kubectl) = &kubectl {
        assert_eq!(kubectl.ready_nodes().len(), 5);
        assert_eq!(kubectl.broken_pods("test"), Vec::<Vec<String>>::new());
        assert_eq!(kubectl.rows(&["nodes"]).len(), 5, "the Node is gone too");
    }

    // Kubernetes has made things in the cloud, which go with the cluster.
    let made = lab.inventory();
    assert!(!made.of("volumes").is_empty(), "redis has a volume");
    assert_eq!(made.of("load_balancers").len(), 2, "the API server's and the ingress's");
    let gone = lab.run(&["destroy", "--yes"]).ok();
    let deleted = gone.changed("-");
    for kind in ["kubernetes_load_balancer.", "volume."] {
        assert!(deleted.iter().any(|address| address.starts_with(kind)), "{kind} in {gone}");
    }
    lab.inventory().assert_empty();
    lab.run(&["destroy", "--yes"]).ok();
}
