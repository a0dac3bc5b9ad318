//! GKE does something else: that is named and waited for, and no machine is lost for it.

use serde_json::json;

use super::{
    bare,
    hands::{google, set},
    toml,
};

#[test]
fn what_gke_is_at_is_named_and_ctrl_c_ends_the_wait_at_once() {
    let lab = bare();
    lab.run(&["apply", "--yes"]).ok();
    set(&lab, "settings", "gke_pace", json!(0.5));
    lab.fault(&["upgrades_pool", "--machine", "lab/worker", "--count", "1"]);
    let upgrades = || {
        let all = google(&lab, "GET", "locations/europe-west3/operations", None);
        let mut all = all["operations"].as_array().into_iter().flatten();
        all.any(|one| one["operationType"] == "AUTO_UPGRADE_NODES" && one["status"] != "DONE")
    };
    while !upgrades() {
        std::thread::yield_now();
    }
    lab.write("infra.toml", &toml("count = 8", ""));
    let mut run = lab.start(&["apply", "--yes"]);
    assert!(run.until_says("waiting for its turn: GKE is at AUTO_UPGRADE_NODES"), "{}", run.wait());
    run.interrupt();
    let ran = run.wait();
    assert_eq!(ran.code, Some(130), "{ran}");
    ran.warns("Stopped. Nothing is lost");
    assert!(upgrades(), "it ended long before the upgrade");
    set(&lab, "settings", "gke_pace", json!(60));
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_stockout_is_waited_for_with_its_reason_and_nothing_is_rebuilt() {
    let lab = bare();
    lab.run(&["apply", "--yes"]).ok();
    lab.fault(&["stockout", "--machine", "*-worker-*"]);
    lab.write("infra.toml", &toml("count = 4", ""));
    let ran = lab.run(&["apply", "--yes", "--ready-timeout", "3s"]).expect(8);
    ran.warns("GCE_STOCKOUT").warns("not ready after 3 s");
    let plan = lab.run(&["plan"]).ok();
    assert_eq!(plan.changed("-"), Vec::<String>::new(), "nothing is rebuilt: {plan}");
    lab.run_bare(&["sim", "fault", "clear"]).ok();
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
