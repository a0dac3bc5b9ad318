//! Kubernetes versions: what no verb can bring a cluster to is refused by the plan.

use super::lab::{Config, Kubectl, Lab};

const SMALL: Config = Config { control_planes: 1, workers: 2 };

fn ask_for(lab: &Lab, version: &str) {
    let toml = SMALL.toml().replace("1.36.2", version);
    assert!(toml.contains(version));
    lab.write("infra.toml", &toml);
}

#[test]
fn a_version_is_refused_where_it_is_written_or_taken_up_by_a_verb() {
    let lab = SMALL.lab();
    ask_for(&lab, "1.36.99");
    for verb in [&["plan"][..], &["apply", "--yes"]] {
        let ran = lab.run(verb).expect(3);
        ran.warns("there are no artifacts of Kubernetes")
            .warns("infra.toml:4:")
            .warns("1.36.0 to 1.36.");
    }
    ask_for(&lab, "1.37.0");
    let refused = lab.run(&["plan"]).expect(3);
    refused.warns("there are no artifacts of Kubernetes 1.37.0").warns("infra.toml:4:");
    lab.run_bare(&["validate"]).expect(3).warns("there are no artifacts").warns("infra.toml:4:");
    lab.inventory().assert_empty();

    ask_for(&lab, "1.36.2");
    lab.run(&["apply", "--yes"]).ok();
    let before = lab.inventory();
    ask_for(&lab, "1.35.8");
    let refused = lab.run(&["plan"]).expect(3);
    refused.warns("cannot go from Kubernetes 1.36.2 to 1.35.8").warns("infra.toml:4:");
    lab.run(&["apply", "--yes"]).expect(3);
    lab.run(&["rotate-node", "worker-1", "--yes"]).expect(3);
    // What a person needs besides still works.
    lab.run(&["status"]).ok();
    lab.run(&["plan", "--refresh-only"]).ok();
    assert_eq!(lab.inventory().ids(), before.ids());

    // A newer patch version: workers may have it first, because only the minor versions have to fit.
    ask_for(&lab, "1.36.4");
    let plan = lab.run(&["plan"]).ok();
    plan.says("an upgrade waits, from Kubernetes 1.36.2 to 1.36.4");
    // A control plane joins with the version of the others.
    lab.run(&["plan", "--replace", "droplet.control-plane-1"]).expect(3);
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["rotate-node", "worker-1", "--yes"]).ok();
    let version = |name: &str| {
        let kubectl = Kubectl::of(&lab, "lab")?;
        let rows = kubectl.rows(&["nodes"]);
        Some(rows.iter().find(|row| row[0] == name).unwrap()[4].clone())
    };
    if let Some(new) = version("worker-1-g2") {
        assert_eq!(new, "v1.36.4");
        assert_eq!(version("worker-2").unwrap(), "v1.36.2");
    }
    lab.run(&["rotate-node", "--outdated", "--yes"]).ok();
    if let Some(new) = version("control-plane-1-g2") {
        assert_eq!(new, "v1.36.4");
        assert_eq!(version("worker-2-g2").unwrap(), "v1.36.4");
    }
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
