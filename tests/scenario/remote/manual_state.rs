//! Hands on the state: history, rollback, pull, push; and states that are not ours to touch.

use super::{APPLY, BUCKET, PLAN, lab};

#[test]
fn history_rollback_pull_and_push() {
    let lab = lab("");
    lab.run(&APPLY).ok();
    let two = lab.read("infra.toml");
    lab.write(
        "infra.toml",
        &two.replacen("[pools.worker]\ncount = 1", "[pools.worker]\ncount = 2", 1),
    );
    lab.run(&APPLY).ok();
    let runs: Vec<serde_json::Value> =
        serde_json::from_str(&lab.run(&["state", "history", "--json"]).ok().stdout).unwrap();
    assert_eq!(runs.len(), 2);
    let first = runs[0]["run"].to_string();
    assert_eq!(lab.run(&["state", "history", "--spec", &first]).ok().stdout, two);

    let inventory = lab.inventory();
    lab.run(&["state", "rollback", "99", "--yes"]).expect(1).warns("nothing is kept of run 99");
    let ran = lab.run(&["state", "rollback", &first, "--yes"]).ok();
    let ran = ran.says("the cloud is not touched").says("dropped: droplet.worker-2");
    ran.says("to adopt (in the cloud, not in this state)");
    assert_eq!(lab.inventory().ids(), inventory.ids());
    // The cloud is the truth: the machine is found again, not made again.
    let plan = lab.run(&PLAN).expect(2);
    assert_eq!(plan.changed("+"), Vec::<String>::new(), "{plan}");
    lab.run(&APPLY).ok();
    assert_eq!(lab.inventory().ids_of("droplets"), inventory.ids_of("droplets"));

    lab.run(&["state", "pull", "-o", "record.json"]).ok();
    lab.run(&["state", "push", "record.json", "--yes"]).ok();
    let pulled = lab.read("record.json");
    let mut value: serde_json::Value = serde_json::from_str(&pulled).unwrap();
    value["record"]["resources"].as_object_mut().unwrap().remove("droplet.worker-2").unwrap();
    lab.write("record.json", &value.to_string());
    lab.run(&["state", "push", "record.json", "--yes", "--force"]).ok();
    lab.run(&["state", "show", "droplet.worker-2"]).expect(1);
    lab.write("record.json", &pulled);
    lab.run(&["state", "push", "record.json", "--yes"]).expect(6).warns("has moved on");
    value["owner"]["uuid"] = "00000000-0000-4000-8000-000000000000".into();
    lab.write("record.json", &value.to_string());
    lab.run(&["state", "push", "record.json", "--yes"]).expect(9).warns("is the state of cluster");
    value["version"] = 9.into();
    lab.write("record.json", &value.to_string());
    lab.run(&["state", "push", "record.json", "--yes"]).expect(9).warns("newer than this program");
}

#[test]
fn newer_records_locks_and_other_clusters_are_refused_and_left_alone() {
    let lab = lab("");
    lab.run(&APPLY).ok();
    let whole = lab.objects(BUCKET);
    let owner =
        "{\"version\":1,\"cluster\":\"lab\",\"uuid\":\"00000000-0000-4000-8000-000000000000\"}";
    let last = whole.keys().rfind(|key| key.contains("/journal/")).unwrap();
    let newer_journal = "{\"entry\":\"opened\",\"version\":9}\n";
    for (key, text, code, says) in [
        ("clusters/lab/lock.json", "{\"version\":9}", 9, "newer than this program"),
        ("clusters/lab/lock.json", "half a lo", 9, "can't be trusted: it is not signed"),
        ("clusters/lab/identity.json", "{\"version\":9}", 9, "newer than this program"),
        ("clusters/lab/identity.json", owner, 9, "cluster"),
        (last.as_str(), newer_journal, 9, "newer than this program"),
        (last.as_str(), "{\"seq\":1}\n", 9, "can't be trusted: it is not signed"),
    ] {
        lab.put_object(BUCKET, key, text.as_bytes());
        let before = lab.objects(BUCKET);
        lab.run(&APPLY).expect(code).warns(says);
        assert!(lab.objects(BUCKET) == before, "{key} {text}");
        lab.put_object(BUCKET, key, &whole[key]);
    }
    lab.run(&APPLY).ok();
}
