//! Killed anywhere, the next apply ends with exactly what is wanted.

use super::lab::{Config, Inventory, Lab};

const SMALL: Config = Config { control_planes: 1, workers: 2 };

/// What [`SMALL`] is in the cloud.
#[track_caller]
fn assert_small(found: &Inventory) {
    assert_eq!(found.names("droplets"), ["control-plane-1", "worker-1", "worker-2"]);
    // All but the random part of a name, which differs from account to account.
    let plain = |kind: &str| -> Vec<String> {
        let is_word = |part: &&str| !part.bytes().any(|byte| byte.is_ascii_digit());
        let words = |name: String| name.split('-').filter(is_word).collect::<Vec<_>>().join("-");
        found.names(kind).into_iter().map(words).collect()
    };
    assert_eq!(plain("load_balancers"), ["lab-api", "lab-web-ingress"]);
    assert_eq!(plain("firewalls"), ["lab-control-plane", "lab-nodes", "lab-worker"]);
    assert_eq!(plain("vpcs"), ["lab-main"]);
    assert_eq!(found.of("buckets").len(), 1);
}

/// Kills an apply when the journal has this many lines more. `false`: it ended before.
fn kill_after(lab: &Lab, lines: usize) -> bool {
    let target = lab.journal_lines("lab") + lines;
    let mut run = lab.start(&["apply", "--yes"]);
    let came = run.until(|| lab.journal_lines("lab") >= target);
    run.kill();
    came
}

#[test]
fn killed_again_and_again_ends_with_what_is_wanted() {
    let lab = SMALL.lab();
    // Moments of the journal: intents just written, calls under way, answers just recorded.
    let mut kills = 0;
    for lines in [3, 7, 2, 14, 9, 25, 6] {
        if !kill_after(&lab, lines) {
            break;
        }
        kills += 1;
    }
    assert!(kills >= 4, "only {kills} kills hit a running apply");
    lab.run(&["apply", "--yes"]).ok();
    assert_small(&lab.inventory());
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    let before = lab.inventory();
    let ca = lab.read("ssl/lab/ca.crt");

    // The record is lost: everything is found again, nothing is made.
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
    let plan = lab.run(&["plan"]).ok();
    assert!(!plan.changes().is_empty(), "adopting is a change: {plan}");
    assert_eq!(plan.changed("+"), Vec::<String>::new(), "{plan}");
    assert_eq!(plan.changed("-"), Vec::<String>::new(), "{plan}");
    lab.run(&["apply", "--yes"]).ok();
    let after = lab.inventory();
    assert_eq!(after.ids(), before.ids());
    assert_eq!(lab.read("ssl/lab/ca.crt"), ca);
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    // A destroy that is killed resumes, too.
    let target = lab.journal_lines("lab") + 12;
    let mut run = lab.start(&["destroy", "--yes"]);
    run.until(|| lab.journal_lines("lab") >= target);
    run.kill();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn the_embedded_cloud_is_killed_in_the_middle() {
    let lab = SMALL.lab();
    let mut run = lab.start(&["apply", "--yes"]);
    assert!(run.until_says("api_server.main: creating"));
    lab.kill_cloud();
    // It waits for the cloud to come back as long as it may, or gives up in an orderly way; both
    // are well as long as the next run resumes.
    lab.start_cloud();
    let ran = run.wait();
    assert!(matches!(ran.code, Some(0 | 1 | 8)), "{ran}");
    lab.run(&["apply", "--yes"]).ok();
    assert_small(&lab.inventory());
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
