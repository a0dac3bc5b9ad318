//! A cluster comes to the next minor version of Kubernetes while its clients go on.

use super::{machines, prober::Prober};
use crate::lab::{Config, Kubectl, Lab, Ran, quickstart};

const FROM: &str = "1.35.8";
const TO: &str = "1.36.2";

fn ask_for(lab: &Lab, from: &str, to: &str) {
    let toml = lab.read("infra.toml");
    let (from, to) = (format!("kubernetes = \"{from}\""), format!("kubernetes = \"{to}\""));
    assert!(toml.contains(&from), "{toml}");
    lab.write("infra.toml", &toml.replace(&from, &to));
}

/// The tag of the image of something in kube-system.
fn tag(kubectl: &Kubectl, what: &str) -> String {
    let path = "jsonpath={.spec.template.spec.containers[0].image}";
    let ran = kubectl.run(&["get", "-n", "kube-system", what, "-o", path]).ok();
    ran.stdout.rsplit(':').next().unwrap().to_owned()
}

fn versions(kubectl: &Kubectl) -> Vec<String> {
    let mut all: Vec<String> =
        kubectl.rows(&["nodes"]).into_iter().map(|row| row[4].clone()).collect();
    all.dedup();
    all
}

#[test]
fn the_quickstart_comes_to_the_next_minor_version_and_no_request_fails() {
    let lab = quickstart();
    ask_for(&lab, TO, FROM);
    lab.run(&["apply", "--yes"]).ok();
    ask_for(&lab, FROM, TO);
    let plan = lab.run(&["plan"]).ok();
    plan.says("an upgrade waits, from Kubernetes 1.35.8 to 1.36.2").says(
        "replaces 3 control planes, one at a time, then kube-proxy and CoreDNS, then 2 workers",
    );

    let api = Prober::of_api_server(&lab, "quickstart");
    let site = Prober::of_site(&lab, "test.quickstart.example.com");
    let run = lab.run(&["rotate-node", "--outdated", "--yes"]).ok();
    api.assert_none_failed();
    site.assert_none_failed();
    let run: Ran = run
        .says("Rotating 5 nodes in 5 steps:")
        .says("Control planes join with Kubernetes 1.36.2 from now on; it was 1.35.8.")
        .says("Upgraded kube-proxy to v1.36.2");
    // What the cluster needs comes between the control planes and the workers.
    let place = |text: &str| run.stdout.find(text).unwrap_or_else(|| panic!("{text}: {run}"));
    assert!(place("control-plane-3 is now") < place("Upgraded kube-proxy"), "{run}");
    assert!(place("Upgraded kube-proxy") < place("worker-1 is now"), "{run}");
    assert!(machines(&lab).iter().all(|name| name.ends_with("-g2")), "{:?}", machines(&lab));
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["rotate-node", "--outdated", "--yes"]).ok().says("No node is to be replaced.");
    if let Some(kubectl) = Kubectl::of(&lab, "quickstart") {
        assert_eq!(versions(&kubectl), ["v1.36.2"]);
        assert_eq!(tag(&kubectl, "daemonset/kube-proxy"), "v1.36.2");
        let version = kubectl.run(&["get", "--raw", "/version"]).ok();
        version.says("v1.36.2");
        assert_eq!(kubectl.broken_pods("test"), Vec::<Vec<String>>::new());
    }
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn an_upgrade_is_refused_where_kubernetes_supports_none_and_resumes_after_a_kill() {
    let lab = Config { control_planes: 1, workers: 1 }.lab();
    ask_for(&lab, TO, "1.34.11");
    lab.run(&["apply", "--yes"]).ok();
    // Two at once.
    ask_for(&lab, "1.34.11", TO);
    let jump = lab.run(&["plan"]).expect(3);
    jump.warns("one minor version at a time").warns("go to 1.35 first").warns("infra.toml:4:");
    ask_for(&lab, TO, FROM);
    // Workers never come first, neither by name nor as new ones.
    let early = lab.run(&["rotate-node", "worker-1", "--yes"]).expect(3);
    early.warns(
        "cannot create worker-1-g2 with Kubernetes 1.35.8 while control-plane-1 runs 1.34.11",
    );
    let toml = lab.read("infra.toml");
    let (head, worker) = toml.split_once("[pools.worker]").unwrap();
    lab.write(
        "infra.toml",
        &format!("{head}[pools.worker]{}", worker.replacen("count = 1", "count = 2", 1)),
    );
    lab.run(&["apply", "--yes"]).expect(3).warns("upgrade the control planes first");
    lab.write("infra.toml", &toml);

    for moment in ["turn.control-plane-1-g2: creating", "node.worker-1-g2: creating"] {
        let mut run = lab.start(&["rotate-node", "--outdated", "--yes"]);
        assert!(run.until_says(moment), "{moment}: {}", run.wait());
        run.kill();
    }
    lab.run(&["rotate-node", "--outdated", "--yes"]).ok();
    assert_eq!(machines(&lab), ["control-plane-1-g2", "worker-1-g2"]);
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    // There is no way back.
    ask_for(&lab, FROM, "1.34.11");
    lab.run(&["plan"]).expect(3).warns("Kubernetes does not support downgrades");
    ask_for(&lab, "1.34.11", FROM);
    if let Some(kubectl) = Kubectl::of(&lab, "lab") {
        assert_eq!(versions(&kubectl), ["v1.35.8"]);
        assert_eq!(tag(&kubectl, "daemonset/kube-proxy"), "v1.35.8");
    }
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
