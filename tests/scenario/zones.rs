//! A zone that holds records of others.

use serde_json::json;

use super::lab::{Config, Lab};

const DOMAIN: &str = "dsa.example.com";

fn lab() -> Lab {
    let toml = Config { control_planes: 1, workers: 1 }.toml();
    let lab = Lab::with(&format!("{toml}\n[dns]\ndomain = \"{DOMAIN}\"\n"));
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    lab
}

#[test]
fn a_zone_with_records_of_others_is_kept_unless_it_is_named() {
    let lab = lab();
    // No warning where nothing is foreign.
    let plan = lab.run(&["plan", "--destroy"]).ok();
    assert!(!plan.stdout.contains("records"), "{plan}");

    let body = json!({"type": "MX", "name": "@", "data": "mail.example.com.", "priority": 10,
        "ttl": 1800});
    lab.by_hand("POST", &format!("/v2/domains/{DOMAIN}/records"), Some(body));
    let plan = lab.run(&["plan", "--destroy"]).ok();
    let plan = plan.says("domain.dsa.example.com is kept").says("MX dsa.example.com");
    let deleted = plan.changed("-");
    assert!(!deleted.contains(&"domain.dsa.example.com".to_owned()), "{plan}");
    assert!(deleted.contains(&"record.api.dsa.example.com".to_owned()), "{plan}");

    let ran = lab.run(&["destroy", "--yes"]).ok();
    ran.warns("Left: domain.dsa.example.com.");
    let left = lab.inventory();
    assert_eq!(left.names("domains"), [DOMAIN]);
    let records = lab.by_hand("GET", &format!("/v2/domains/{DOMAIN}/records"), None);
    let records = records["domain_records"].as_array().unwrap().clone();
    assert!(records.iter().any(|record| record["type"] == "MX"), "{records:?}");
    assert!(!records.iter().any(|record| record["type"] == "A"), "{records:?}");

    // It is still this cluster's: made again, or deleted when it is named.
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    lab.run(&["plan", "--detailed-exitcode", "--phase", "infra"]).ok();
    let plan = lab.run(&["plan", "--destroy", "--delete-zone", DOMAIN]).ok();
    plan.says("MX dsa.example.com: they are deleted with it");
    lab.run(&["destroy", "--yes", "--delete-zone", DOMAIN]).ok();
    lab.inventory().assert_empty();
}
