//! Names and ranges: of a cluster that was renamed, and of a second one in the account.

use super::lab::{Config, Lab};

const SMALL: Config = Config { control_planes: 1, workers: 1 };

#[test]
fn a_renamed_cluster_is_a_new_one_and_the_old_one_is_mentioned() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let before = lab.inventory();
    let toml = lab.read("infra.toml");
    lab.write("infra.toml", &toml.replacen("name = \"lab\"", "name = \"beta\"", 1));
    let note = "this folder also holds the state of lab (2 machines)";
    // The ranges are written in the file, and the old cluster has them: that is found at plan, too.
    let ran = lab.run(&["destroy", "--yes"]).ok().says(note).says("beta does not exist");
    assert!(!ran.stdout.contains("What exists is what infra.toml asks for"), "{ran}");
    assert_eq!(lab.inventory().ids(), before.ids());
    let free = toml.replace("machines = \"10.110.0.0/16\"\n", "");
    lab.write("infra.toml", &free.replacen("name = \"lab\"", "name = \"beta\"", 1));
    lab.run(&["plan", "--phase", "infra"]).ok().says(note);
    // Nothing is said where the cluster is there.
    lab.write("infra.toml", &toml);
    let ran = lab.run(&["plan", "--phase", "infra"]).ok();
    assert!(!ran.stdout.contains("note: this folder"), "{ran}");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_second_cluster_in_the_account_gets_a_range_of_its_own() {
    let lab = SMALL.lab();
    let toml = lab.read("infra.toml");
    let open = toml.replace("machines = \"10.110.0.0/16\"\n", "");
    assert_ne!(open, toml);
    lab.write("infra.toml", &open);
    let second = open.replacen("name = \"lab\"", "name = \"second\"", 1);
    lab.write("second.toml", &second);
    let taken = toml.replacen("name = \"lab\"", "name = \"third\"", 1);
    lab.write("third.toml", &taken);

    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    lab.run(&["apply", "--yes", "--phase", "infra", "-f", "second.toml"]).ok();
    assert_eq!(ranges(&lab), ["10.110.0.0/20", "10.110.16.0/20"]);
    // It is kept, also when the record is lost.
    for cluster in ["lab", "second"] {
        std::fs::remove_dir_all(lab.file(&format!(".infra/{cluster}"))).unwrap();
    }
    for file in ["infra.toml", "second.toml"] {
        let plan = lab.run(&["plan", "--phase", "infra", "-f", file]).ok();
        assert!(plan.changed("+/-").is_empty() && plan.changed("-/+").is_empty(), "{plan}");
        lab.run(&["apply", "--yes", "--phase", "infra", "-f", file]).ok();
        lab.run(&["plan", "--detailed-exitcode", "--phase", "infra", "-f", file]).ok();
    }
    assert_eq!(ranges(&lab), ["10.110.0.0/20", "10.110.16.0/20"]);

    // One that is written, and that another network has, is refused before anything is made.
    let before = lab.inventory();
    let ran = lab.run(&["apply", "--yes", "--phase", "infra", "-f", "third.toml"]).expect(3);
    ran.warns("the range 10.110.0.0/16 overlaps with the VPC")
        .warns("third.toml:7:")
        .warns("10.111.0.0/16");
    assert_eq!(lab.inventory().ids(), before.ids());
    for file in ["infra.toml", "second.toml"] {
        lab.run(&["destroy", "--yes", "-f", file]).ok();
    }
    lab.inventory().assert_empty();
}

fn ranges(lab: &Lab) -> Vec<String> {
    let vpcs = lab.by_hand("GET", "/v2/vpcs", None);
    let vpcs = vpcs["vpcs"].as_array().unwrap();
    let own = vpcs.iter().filter(|vpc| vpc["default"] != true);
    let mut ranges: Vec<String> =
        own.map(|vpc| vpc["ip_range"].as_str().unwrap().to_owned()).collect();
    ranges.sort();
    ranges
}

#[test]
fn labels_and_taints_that_a_kubelet_refuses_are_found_before_anything_is_made() {
    let lab = SMALL.lab();
    let toml = lab.read("infra.toml");
    let long = format!("labels = {{ team = \"{}\" }}", "x".repeat(64));
    for (line, says) in [
        ("labels = { team = \"a,b=c\" }", "`a,b=c` has `,`"),
        ("labels = { \"no spaces\" = \"x\" }", "`no spaces` has ` `"),
        ("labels = { \"node-role.kubernetes.io/worker\" = \"\" }", "is reserved"),
        ("labels = { team = \"größe\" }", "has `ö`"),
        ("taints = [\"dedicated=x y:NoSchedule\"]", "`x y` has ` `"),
        (long.as_str(), "64 characters"),
    ] {
        lab.write("infra.toml", &format!("{toml}{line}\n"));
        let at = toml.lines().count() + 1;
        for verb in [&["validate"][..], &["plan"], &["apply", "--yes"]] {
            let ran = lab.run(verb).expect(3).warns(says);
            assert!(ran.stderr.contains(&format!("infra.toml:{at}:")), "line {at}: {ran}");
        }
    }
    lab.start_cloud();
    lab.inventory().assert_empty();
}
