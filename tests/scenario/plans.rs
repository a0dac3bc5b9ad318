//! Saved plans, parts of a cluster, phases.

use super::lab::{Config, Kubectl};

const TINY: Config = Config { control_planes: 1, workers: 1 };

#[test]
fn a_saved_plan_is_done_exactly_or_refused_as_stale() {
    let lab = TINY.lab();
    lab.run(&["plan", "--phase", "infra", "-o", "first.plan"]).ok();
    lab.run(&["plan", "--phase", "infra", "-o", "late.plan"]).ok();
    lab.run(&["apply", "first.plan"]).ok();
    assert_eq!(lab.inventory().of("droplets").len(), 2);
    let before = lab.inventory();
    lab.run(&["apply", "late.plan"]).expect(6).warns("plan again");
    assert_eq!(lab.inventory().ids(), before.ids(), "a refused plan changes nothing");

    // What the file asks for has changed since.
    lab.write("infra.toml", &Config { workers: 2, ..TINY }.toml());
    lab.run(&["plan", "--phase", "infra", "-o", "more.plan"]).ok();
    lab.write("infra.toml", &Config { workers: 3, ..TINY }.toml());
    lab.run(&["apply", "more.plan"]).expect(6);
    lab.write("broken.plan", "{\"version\": 1");
    lab.run(&["apply", "broken.plan"]).expect(6);
    assert_eq!(lab.inventory().ids(), before.ids());
}

#[test]
fn a_saved_plan_that_was_edited_is_refused() {
    let lab = TINY.lab();
    lab.run(&["plan", "--phase", "infra", "-o", "whole.plan"]).ok();
    let whole: serde_json::Value = serde_json::from_str(&lab.read("whole.plan")).unwrap();
    let changes = whole["changes"].as_array().unwrap();
    let droplet = changes.iter().position(|one| one["address"] == "droplet.worker-1").unwrap();
    let mut bigger = whole.clone();
    bigger["changes"][droplet]["declared"]["spec"]["size"] = "s-8vcpu-16gb".into();
    assert_ne!(bigger, whole);
    let mut without = whole.clone();
    without["changes"].as_array_mut().unwrap().remove(droplet);
    let mut more = whole.clone();
    more["changes"].as_array_mut().unwrap().push(changes[droplet].clone());
    let mut moved = whole.clone();
    moved["changes"].as_array_mut().unwrap().swap(0, droplet);
    let mut destroys = whole.clone();
    destroys["options"]["destroy"] = true.into();
    for (edited, says) in [
        (&bigger, "droplet.worker-1 is not what infra.toml asks for"),
        (&without, "was changed after it was made"),
        (&more, "was changed after it was made"),
        (&moved, "was changed after it was made"),
        (&destroys, "was changed after it was made"),
    ] {
        lab.write("edited.plan", &edited.to_string());
        lab.run(&["apply", "edited.plan"]).expect(6).warns(says);
        assert!(lab.inventory().of("droplets").is_empty());
    }
    lab.run(&["apply", "whole.plan"]).ok();
    let sizes = lab.inventory().of("droplets").iter().all(|one| one["size_slug"] != "s-8vcpu-16gb");
    assert!(sizes);
}

#[test]
fn a_saved_plan_that_deletes_all_leaves_nothing_as_destroy_does() {
    let lab = TINY.lab();
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["rotate-node", "worker-1", "--yes"]).ok();
    assert!(lab.file(".infra/lab/rotations.json").exists());
    lab.run(&["plan", "--destroy", "-o", "all.plan"]).ok();
    lab.run(&["apply", "all.plan"]).ok().warns("Nothing of lab is left.");
    lab.inventory().assert_empty();
    assert!(!lab.file(".infra/lab/rotations.json").exists(), "machines begin anew");
    assert!(!lab.file("ssl/lab").exists());
}

#[test]
fn a_line_missing_in_the_journal_is_named_and_an_unwritable_history_is_no_success() {
    let lab = TINY.lab();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let journal = lab.read(".infra/lab/journal");
    let lines: Vec<&str> = journal.lines().collect();
    let gap = [&lines[..3], &lines[4..]].concat().join("\n");
    lab.write(".infra/lab/journal", &format!("{gap}\n"));
    let ran = lab.run(&["plan", "--phase", "infra"]).expect(9);
    ran.warns("line 4 of the journal is damaged: it has number 4, where 3 comes next");
    lab.write(".infra/lab/journal", &journal);

    std::fs::remove_dir_all(lab.file(".infra/lab/history")).unwrap();
    lab.write(".infra/lab/history", "in the way");
    lab.write("infra.toml", &Config { workers: 2, ..TINY }.toml());
    let ran = lab.run(&["apply", "--yes", "--phase", "infra"]).expect(9);
    ran.warns("warning: the end of this run is missing in the history");
    assert_eq!(lab.inventory().of("droplets").len(), 3, "everything is done");
    lab.run(&["plan", "--detailed-exitcode", "--phase", "infra"]).ok();
}

#[test]
fn a_target_takes_what_it_needs_and_no_more() {
    let lab = TINY.lab();
    lab.run(&["apply", "--yes", "--target", "load_balancer.api"]).ok();
    let found = lab.inventory();
    assert_eq!(found.of("load_balancers").len(), 1);
    assert_eq!(found.of("vpcs").len(), 1, "it needs its network");
    assert!(found.of("droplets").is_empty() && found.of("firewalls").is_empty());
    let ran = lab.run(&["plan", "--target", "droplet.nobody"]);
    assert!(ran.code != Some(0), "{ran}");

    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let before = lab.inventory();
    let plan = lab
        .run(&["plan", "--detailed-exitcode", "--phase", "infra", "--replace", "firewall.worker"])
        .expect(2);
    assert_eq!(plan.changes().len(), 1, "{plan}");
    lab.run(&["apply", "--yes", "--phase", "infra", "--replace", "firewall.worker"]).ok();
    let after = lab.inventory();
    assert_eq!(after.ids_of("droplets"), before.ids_of("droplets"));
    let (old, new) = (before.ids_of("firewalls"), after.ids_of("firewalls"));
    assert_eq!(new.len(), 3);
    assert_eq!(new.iter().filter(|one| !old.contains(one)).count(), 1, "one is new: {new:?}");
    lab.run(&["plan", "--detailed-exitcode", "--phase", "infra"]).ok();
}

#[test]
fn one_phase_after_the_other() {
    let lab = TINY.lab();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    lab.run(&["plan", "--detailed-exitcode", "--phase", "infra"]).ok();
    lab.run(&["plan", "--detailed-exitcode", "--phase", "bootstrap"]).expect(2);
    lab.run(&["apply", "--yes", "--phase", "bootstrap"]).ok();
    lab.run(&["plan", "--detailed-exitcode", "--phase", "bootstrap"]).ok();
    if let Some(kubectl) = Kubectl::of(&lab, "lab") {
        assert_eq!(kubectl.ready_nodes(), ["control-plane-1", "worker-1"]);
    }
    let before = lab.inventory();
    lab.run(&["apply", "--yes", "--phase", "apps"]).ok();
    assert_eq!(lab.inventory().ids_of("droplets"), before.ids_of("droplets"));
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_refresh_brings_the_record_up_to_date_and_changes_nothing() {
    let two = Config { workers: 2, ..TINY }.toml();
    let lab = crate::lab::Lab::with(&two);
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    // Somebody takes a machine away, and the record does not know.
    let (record, aside) = (lab.file(".infra/lab"), lab.file("aside"));
    std::fs::create_dir(&aside).unwrap();
    let copied = |from: &std::path::Path, to: &std::path::Path| {
        for name in ["journal", "snapshot.json"] {
            match std::fs::copy(from.join(name), to.join(name)) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                result => drop(result.unwrap()),
            }
        }
    };
    copied(&record, &aside);
    lab.write("infra.toml", &TINY.toml());
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    copied(&aside, &record);
    lab.write("infra.toml", &two);

    let before = lab.inventory();
    let refresh = ["--refresh-only", "--phase", "infra"];
    let plan = lab.run(&[&["plan", "--detailed-exitcode"], &refresh[..]].concat()).expect(2);
    assert!(plan.stdout.contains("x droplet.worker-2  (gone from the cloud"), "{plan}");
    assert!(plan.changed("+").is_empty() && plan.changed("-").is_empty(), "{plan}");
    lab.run(&[&["apply", "--yes"], &refresh[..]].concat()).ok();
    assert_eq!(lab.inventory().ids(), before.ids(), "nothing in the cloud is changed");
    lab.run(&[&["plan", "--detailed-exitcode"], &refresh[..]].concat()).ok();
    let plan = lab.run(&["plan", "--detailed-exitcode", "--phase", "infra"]).expect(2);
    assert!(plan.changed("+").contains(&"droplet.worker-2".to_owned()), "{plan}");
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    lab.run(&["plan", "--detailed-exitcode", "--phase", "infra"]).ok();
    lab.run(&["plan", "--refresh-only", "--replace", "droplet.worker-1"]).expect(64);
}
