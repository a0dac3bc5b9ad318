//! Absence from a list is not absence from the cloud: lists that lag behind a killed run, and
//! ownership tags and marks that somebody took away.

use xtask::sweep::SUITE;

use super::lab::{Config, Lab};

const SMALL: Config = Config { control_planes: 1, workers: 2 };
const MACHINES: [&str; 3] = ["control-plane-1", "worker-1", "worker-2"];

fn journal_says_created(lab: &Lab, kind: &str) -> bool {
    let journal = std::fs::read_to_string(lab.file(".infra/lab/journal")).unwrap_or_default();
    let created = format!("\"entry\":\"created\",\"address\":\"{kind}.");
    journal.contains(&created)
}

#[test]
fn killed_right_after_a_create_while_lists_lag_nothing_is_made_twice() {
    let lab = SMALL.lab();
    lab.start_cloud();
    // 1.5 s by the clock on the wall: longer than the next run takes to plan.
    lab.fault(&["stale_list", "--api", "digitalocean", "--delay-ms", "15000"]);
    for kind in ["vpc", "load_balancer", "droplet"] {
        let mut run = lab.start(&["apply", "--yes", "--phase", "infra"]);
        assert!(run.until(|| journal_says_created(&lab, kind)), "no {kind} was created");
        run.kill();
    }
    let ran = lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let inventory = lab.inventory();
    assert_eq!(inventory.names("droplets"), MACHINES, "{ran}");
    assert_eq!(inventory.of("vpcs").len(), 1);
    assert_eq!(inventory.of("load_balancers").len(), 1);

    // A destroy that meets the same lag leaves nothing behind.
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn machines_whose_owner_tag_was_deleted_are_tagged_again() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let before = lab.inventory();
    let identity: serde_json::Value =
        serde_json::from_str(&lab.read(".infra/lab/identity.json")).unwrap();
    let owner = format!("infra:{}", identity["uuid"].as_str().unwrap());

    // The console deletes a tag from everything at once.
    lab.delete_by_hand(&format!("tags/{owner}"));
    let plan = lab.run(&["plan", "--phase", "infra"]).ok();
    // The firewall names the tag, too.
    let mut wanted: Vec<String> = MACHINES.map(|name| format!("droplet.{name}")).into();
    wanted.push("firewall.nodes".to_owned());
    assert_eq!(plan.changed("~"), wanted, "{plan}");
    assert_eq!(plan.changed("+"), Vec::<String>::new(), "{plan}");
    drop(plan.says("ownership tag"));
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let after = lab.inventory();
    assert_eq!(after.ids_of("droplets"), before.ids_of("droplets"));
    for machine in after.of("droplets") {
        assert!(machine["tags"].to_string().contains(&owner), "{machine}");
    }
    lab.run(&["plan", "--detailed-exitcode", "--phase", "infra"]).ok();

    // Once more, and a destroy finds them all the same.
    lab.delete_by_hand(&format!("tags/{owner}"));
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn disks_whose_tag_was_deleted_go_with_the_machines_that_have_them() {
    let lab = Lab::with(&format!("{}\n[apps]\nbase = \"apps\"\n", SMALL.toml()));
    std::fs::create_dir_all(lab.file("apps")).unwrap();
    lab.write("apps/all.yaml", SUITE);
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(lab.inventory().of("volumes").len(), 1);
    let identity: serde_json::Value =
        serde_json::from_str(&lab.read(".infra/lab/identity.json")).unwrap();
    lab.delete_by_hand(&format!("tags/infra:{}", identity["uuid"].as_str().unwrap()));

    // One that no machine has: nothing tells whose it is.
    let body = serde_json::json!({
        "name": "pvc-7", "size_gigabytes": 3, "region": "fra1",
        "description": "Created by DigitalOcean CSI driver",
    });
    let adrift = lab.by_hand("POST", "/v2/volumes", Some(body));
    let adrift = adrift["volume"]["id"].as_str().unwrap();
    lab.run(&["destroy", "--yes"]).ok().says("volume pvc-7 (3 GiB) may be this cluster's");
    assert_eq!(lab.inventory().of("volumes").len(), 1, "it is left");
    lab.delete_by_hand(&format!("volumes/{adrift}"));
    lab.inventory().assert_empty();
}

#[test]
fn what_kubernetes_makes_during_a_destroy_goes_with_it() {
    let lab = Lab::with(&format!("{}\n[apps]\nbase = \"apps\"\n", SMALL.toml()));
    std::fs::create_dir_all(lab.file("apps")).unwrap();
    lab.write("apps/all.yaml", SUITE);
    lab.run(&["apply", "--yes"]).ok();
    let identity: serde_json::Value =
        serde_json::from_str(&lab.read(".infra/lab/identity.json")).unwrap();
    let owner = format!("infra:{}", identity["uuid"].as_str().unwrap());
    // The storage driver makes one more, and the lists that the plan is made from lag behind it.
    lab.fault(&["stale_list", "--api", "digitalocean", "--delay-ms", "15000"]);
    let body = serde_json::json!({
        "name": "pvc-late", "size_gigabytes": 3, "region": "fra1", "tags": [owner],
        "description": "Created by DigitalOcean CSI driver",
    });
    lab.by_hand("POST", "/v2/volumes", Some(body));
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn what_was_renamed_by_hand_is_renamed_back() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let before = lab.inventory();
    let vpc = before.of("vpcs")[0]["id"].as_str().unwrap().to_owned();
    let body = serde_json::json!({ "name": "renamed" });
    lab.by_hand("PATCH", &format!("/v2/vpcs/{vpc}"), Some(body));
    let plan = lab.run(&["plan", "--phase", "infra"]).ok();
    assert_eq!(plan.changed("~"), ["vpc.main"], "{plan}");
    assert_eq!(plan.changed("+"), Vec::<String>::new(), "{plan}");
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    assert_eq!(lab.inventory().ids(), before.ids());
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_dns_record_whose_mark_was_deleted_is_marked_again() {
    let toml = SMALL.toml() + "\n[dns]\ndomain = \"lab.example.com\"\nmanage_zone = true\n";
    let lab = Lab::with(&toml);
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let zone = "/v2/domains/lab.example.com/records";
    let records = |lab: &Lab| lab.by_hand("GET", &format!("{zone}?per_page=200"), None);
    let marks = |lab: &Lab| -> Vec<String> {
        let all = records(lab);
        let texts = all["domain_records"].as_array().unwrap().iter();
        let mut marks: Vec<String> = texts
            .filter(|record| record["type"] == "TXT")
            .map(|record| record["name"].as_str().unwrap().to_owned())
            .collect();
        marks.sort();
        marks
    };
    let before = marks(&lab);
    assert!(before.len() >= 2, "{before:?}");
    let all = records(&lab);
    for text in all["domain_records"].as_array().unwrap() {
        if text["type"] == "TXT" {
            lab.delete_by_hand(&format!("domains/lab.example.com/records/{}", text["id"]));
        }
    }
    let plan = lab.run(&["plan", "--phase", "infra"]).ok();
    assert_eq!(plan.changed("+"), Vec::<String>::new(), "{plan}");
    assert!(!plan.changed("~").is_empty(), "{plan}");
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    assert_eq!(marks(&lab), before);
    lab.run(&["plan", "--detailed-exitcode", "--phase", "infra"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
