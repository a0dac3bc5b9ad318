//! Control planes are replaced one at a time, and etcd keeps its majority.

use super::{machines, prober::Prober};
use crate::lab::{Config, Kubectl, Lab, quickstart};

/// How many members of etcd run of how many, as `infra status` says.
fn quorum(lab: &Lab) -> String {
    let status = lab.run(&["status"]).ok().stdout;
    let line = status.lines().find(|line| line.starts_with("Quorum")).unwrap();
    line.split_whitespace().skip(1).take(3).collect::<Vec<_>>().join(" ")
}

fn lab(control_planes: usize, workers: usize) -> Lab {
    Config { control_planes, workers }.lab()
}

#[test]
fn every_control_plane_is_replaced_and_no_request_fails() {
    let lab = quickstart();
    lab.run(&["apply", "--yes"]).ok();
    let prober = Prober::of_api_server(&lab, "quickstart");
    let run = lab.run(&["rotate-node", "--pool", "control-plane", "--yes"]).ok();
    let run = run.says("Rotating 3 nodes in 3 steps:");
    prober.assert_none_failed();
    // One at a time: each is gone before the next one is made.
    let place = |text: &str| run.stderr.find(text).unwrap_or_else(|| panic!("{text}: {run}"));
    for number in 1..3 {
        let gone = place(&format!("droplet.control-plane-{number}: deleted"));
        assert!(gone < place(&format!("droplet.control-plane-{}-g2: creating", number + 1)));
        assert!(
            place(&format!("node.control-plane-{number}-g2: created"))
                < place(&format!("etcd_member.control-plane-{number}: deleting"))
        );
    }
    let wanted =
        ["control-plane-1-g2", "control-plane-2-g2", "control-plane-3-g2", "worker-1", "worker-2"];
    assert_eq!(machines(&lab), wanted);
    assert_eq!(quorum(&lab), "3 of 3");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    if let Some(kubectl) = Kubectl::of(&lab, "quickstart") {
        assert_eq!(kubectl.ready_nodes(), wanted);
        assert_eq!(kubectl.broken_pods("test"), Vec::<Vec<String>>::new());
    }
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_killed_rotation_of_a_control_plane_goes_on_with_the_same_machine() {
    let lab = lab(3, 1);
    lab.run(&["apply", "--yes"]).ok();
    let words = ["rotate-node", "control-plane-2", "--yes"];
    let moments = [
        "droplet.control-plane-2-g2: creating",
        "etcd_member.control-plane-2-g2: creating",
        "etcd_member.control-plane-2: deleting",
        "droplet.control-plane-2: deleting",
    ];
    for moment in moments {
        let mut run = lab.start(&words);
        assert!(run.until_says(moment), "{moment}: {}", run.wait());
        run.kill();
        // Never below a majority, whatever was under way.
        assert!(quorum(&lab).starts_with(['3', '4']), "{moment}: {}", quorum(&lab));
    }
    lab.run(&words).ok();
    let wanted = ["control-plane-1", "control-plane-2-g2", "control-plane-3", "worker-1"];
    assert_eq!(machines(&lab), wanted);
    assert_eq!(quorum(&lab), "3 of 3");
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    let etcd = lab.run(&["etcd", "status"]).ok();
    etcd.says("control-plane-2-g2")
        .says("leader")
        .says("3 of 3 etcd members run")
        .says("Alarms   none");

    // Another one is begun, and apply finishes it.
    let mut run = lab.start(&["rotate-node", "control-plane-1", "--yes"]);
    assert!(run.until_says("etcd_member.control-plane-1-g2: creating"), "{}", run.wait());
    run.kill();
    lab.run(&["rotate-node", "control-plane-3", "--yes"])
        .expect(1)
        .warns("another rotation is under way (control-plane-1, since ");
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(machines(&lab)[0], "control-plane-1-g2");
    lab.run(&["rotate-node", "--resume", "--yes"]).expect(1).warns("no rotation is under way");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn the_only_control_plane_is_replaced_by_a_second_one() {
    let lab = lab(1, 1);
    lab.run(&["apply", "--yes"]).ok();
    let run = lab.run(&["rotate-node", "control-plane-1", "--yes"]).ok();
    run.says("control-plane-1 is the only control plane: there are two for a moment");
    assert_eq!(machines(&lab), ["control-plane-1-g2", "worker-1"]);
    assert_eq!(quorum(&lab), "1 of 1");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    // Killed while there are two.
    let mut run = lab.start(&["rotate-node", "control-plane-1", "--yes"]);
    assert!(run.until_says("node.control-plane-1-g3: created"), "{}", run.wait());
    run.kill();
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(machines(&lab), ["control-plane-1-g3", "worker-1"]);
    assert_eq!(quorum(&lab), "1 of 1");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_lost_control_plane_is_repaired_by_the_same_command() {
    let lab = lab(3, 1);
    lab.run(&["apply", "--yes"]).ok();
    lab.delete_machine("control-plane-2");
    lab.run(&["etcd", "status"]).expect(1).says("does not answer");
    // Another one does not go meanwhile.
    lab.run(&["rotate-node", "control-plane-1", "--yes"]).expect(3).warns("control-plane-2");
    let run = lab.run(&["rotate-node", "control-plane-2", "--yes"]).ok();
    run.says("control-plane-2 does not work, and is recreated in its place.");
    assert_eq!(machines(&lab)[1], "control-plane-2");
    assert_eq!(quorum(&lab), "3 of 3");
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    // Without a majority there is no repair, but a way out.
    lab.delete_machine("control-plane-2");
    lab.delete_machine("control-plane-3");
    let lost = lab.run(&["rotate-node", "control-plane-2", "--yes"]).expect(1);
    lost.warns("does not answer").warns("infra status");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
