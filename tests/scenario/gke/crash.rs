//! Killed anywhere, the next run on GKE ends with exactly what is wanted.

use super::{bare, ready_nodes};
use crate::lab::Lab;

/// Kills an apply when the journal has this many lines more. `false`: it ended before.
fn kill_after(lab: &Lab, verb: &[&str], lines: usize) -> bool {
    let target = lab.journal_lines("lab") + lines;
    let mut run = lab.start(verb);
    let came = run.until(|| lab.journal_lines("lab") >= target);
    run.kill();
    came
}

#[test]
fn an_apply_on_gke_that_is_killed_again_and_again_converges() {
    let lab = bare();
    let mut kills = 0;
    for lines in [3, 5, 2, 6, 4, 7, 3] {
        if !kill_after(&lab, &["apply", "--yes"], lines) {
            break;
        }
        kills += 1;
    }
    assert!(kills >= 3, "only {kills} kills hit a running apply");
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    if let Some(nodes) = ready_nodes(&lab) {
        assert_eq!(nodes.len(), 2);
    }
    kill_after(&lab, &["destroy", "--yes"], 6);
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn the_embedded_cloud_is_killed_while_it_makes_a_cluster() {
    let lab = bare();
    let mut run = lab.start(&["apply", "--yes"]);
    assert!(run.until_says("PROVISIONING"), "{}", run.wait());
    lab.kill_cloud();
    lab.start_cloud();
    let _ = run.wait();
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
