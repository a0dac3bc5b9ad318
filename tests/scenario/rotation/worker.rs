//! A node is replaced while the apps keep running.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex},
};

use crate::lab::{Inventory, Kubectl, quickstart};

/// Watches how many pods of a Deployment are available.
struct Available {
    child: Child,
    seen: Arc<Mutex<Vec<u32>>>,
}

impl Available {
    fn watch(kubectl: &Kubectl, namespace: &str, deployment: &str) -> Self {
        let mut command: Command = kubectl.command(&[
            "get",
            "deployment",
            deployment,
            "-n",
            namespace,
            "--watch",
            "-o",
            "jsonpath={.status.availableReplicas}{\"\\n\"}",
        ]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (out, kept) = (child.stdout.take().unwrap(), Arc::clone(&seen));
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                // No availableReplicas at all means none.
                kept.lock().unwrap().push(line.trim().parse().unwrap_or(0));
            }
        });
        Self { child, seen }
    }

    /// The fewest there ever were.
    fn fewest(&self) -> Option<u32> {
        self.seen.lock().unwrap().iter().min().copied()
    }
}

impl Drop for Available {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The load balancers that Kubernetes made send traffic to the machine.
fn assert_takes_traffic(inventory: &Inventory, machine: &str) {
    let droplets = inventory.of("droplets");
    let id = &droplets.iter().find(|one| one["name"] == machine).unwrap()["id"];
    let made: Vec<_> = inventory
        .of("load_balancers")
        .iter()
        .filter(|one| one["name"].as_str().unwrap().contains("ingress"))
        .collect();
    assert!(!made.is_empty(), "there is an ingress load balancer");
    for balancer in made {
        let members = balancer["droplet_ids"].as_array().unwrap();
        assert!(members.contains(id), "{machine} ({id}) is not behind {balancer}");
    }
}

#[test]
fn a_worker_is_replaced_while_the_apps_run_even_if_killed() {
    let lab = quickstart();
    lab.run(&["apply", "--yes"]).ok();
    let kubectl = Kubectl::of(&lab, "quickstart");
    let watch = kubectl.as_ref().map(|kubectl| {
        let watch = Available::watch(kubectl, "test", "api");
        while watch.fewest().is_none() {
            std::thread::yield_now();
        }
        watch
    });

    // Killed twice on the way: while the new machine boots, and while the old one is drained.
    for moment in ["node.worker-1-g2: creating", "node.worker-1: deleting"] {
        let mut run = lab.start(&["rotate-node", "worker-1", "--yes"]);
        assert!(run.until_says(moment), "{}", run.wait());
        if moment == "node.worker-1: deleting" {
            assert_takes_traffic(&lab.inventory(), "worker-1-g2");
        }
        run.kill();
    }
    lab.run(&["rotate-node", "worker-1", "--yes"]).ok().says("worker-1 is now worker-1-g2");

    let after = lab.inventory();
    let wanted =
        ["control-plane-1", "control-plane-2", "control-plane-3", "worker-1-g2", "worker-2"];
    assert_eq!(after.names("droplets"), wanted);
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    if let Some(kubectl) = &kubectl {
        assert_eq!(kubectl.ready_nodes(), wanted);
        assert_eq!(kubectl.rows(&["nodes"]).len(), 5, "the old Node is gone");
        assert_eq!(kubectl.broken_pods("test"), Vec::<Vec<String>>::new());
    }
    if let Some(watch) = watch {
        let fewest = watch.fewest().unwrap();
        assert!(fewest > 0, "api had no available pod: {:?}", watch.seen.lock().unwrap());
    }
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
