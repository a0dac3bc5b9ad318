//! What a stranger tries who knows the names of things: they are shared by everybody.

use super::lab::{Config, Lab};

const SMALL: Config = Config { control_planes: 1, workers: 1 };

/// A stranger has made the bucket of `[state]` beforehand, and lets everybody write to it.
#[test]
fn nothing_is_written_to_a_strangers_bucket() {
    let lab = Lab::with(&format!("{}\n[state]\nbackend = \"s3://lure-state/x\"\n", SMALL.toml()));
    lab.start_cloud();
    for words in [&["apply", "--yes", "--phase", "infra"][..], &["plan"], &["state", "migrate"]] {
        let mut run = lab.command(words);
        run.env("INFRA_STATE_PASSPHRASE", "correct horse battery staple");
        let ran = super::lab::Ran::of(&mut run).expect(4);
        ran.warns("is not in the account of these credentials");
        let found = lab.objects("lure-state");
        assert!(found.is_empty(), "the stranger has {:?}", found.keys());
    }
    assert_eq!(lab.inventory().names("droplets"), Vec::<String>::new());
}

/// The name in a plan that shows every field, or in a plan file.
fn bucket_in(text: &str) -> String {
    let rest = text.split("infra-lab-").nth(1).unwrap_or_default();
    let name: String = rest.chars().take_while(|c| c.is_alphanumeric() || *c == '-').collect();
    format!("infra-lab-{name}")
}

/// The cluster's bucket ends in a part that is made up with the plan.
#[test]
fn a_buckets_name_can_t_be_told_beforehand_and_is_found_again() {
    let lab = SMALL.lab();
    let shown = || bucket_in(&lab.run(&["plan", "--phase", "infra", "-v"]).ok().stdout);
    let (one, other) = (shown(), shown());
    assert_ne!(one, other);
    assert_eq!((one.len(), &one[..18]), (26, &other[..18]));
    // What a saved plan shows is what is made.
    lab.run(&["plan", "--phase", "infra", "-o", "saved.plan"]).ok();
    let planned = bucket_in(&lab.read("saved.plan"));
    lab.run(&["apply", "saved.plan"]).ok();
    let made = vec![planned];
    assert_eq!(lab.inventory().names("buckets"), made);
    lab.run(&["plan", "--phase", "infra", "--detailed-exitcode"]).ok();
    // Without any record.
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
    let plan = lab.run(&["plan", "--phase", "infra"]).ok();
    assert!(!plan.changed("+").contains(&"bucket.artifacts".to_owned()), "{plan}");
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    assert_eq!(lab.inventory().names("buckets"), made);
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

/// An earlier version made up names without that part.
#[test]
fn a_cluster_that_has_a_bucket_keeps_it() {
    let lab = SMALL.lab();
    let toml = lab.read("infra.toml");
    let shown = bucket_in(&lab.run(&["plan", "--phase", "infra", "-v"]).ok().stdout);
    let earlier = shown.rsplit_once('-').unwrap().0.to_owned();
    lab.write("infra.toml", &format!("{toml}\n[artifacts]\nbucket = \"{earlier}\"\n"));
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    lab.write("infra.toml", &toml);
    lab.run(&["plan", "--phase", "infra", "--detailed-exitcode"]).ok();
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    assert_eq!(lab.inventory().names("buckets"), [earlier]);
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

/// Whoever gives a saved plan can't lead the cluster into a bucket of theirs.
#[test]
fn a_saved_plan_names_no_other_bucket() {
    let lab = SMALL.lab();
    lab.run(&["plan", "--phase", "infra", "-o", "saved.plan"]).ok();
    let planned = bucket_in(&lab.read("saved.plan"));
    lab.write("edited.plan", &lab.read("saved.plan").replace(&planned, "lure-bucket"));
    lab.run(&["apply", "edited.plan"]).expect(6);
    assert_eq!(lab.inventory().names("buckets"), Vec::<String>::new());
}
