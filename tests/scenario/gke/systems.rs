//! Systems that run on GKE in real life, and one file for three clouds.

use super::rotate::nodes_of;
use crate::lab::{Kubectl, Lab, Ran};

/// The words of a verb for an example that was copied into a folder of its name.
fn words<'a>(file: &'a str, verb: &[&'a str]) -> Vec<&'a str> {
    [verb, &["-f", file, "--state-dir", "."]].concat()
}

#[test]
fn the_trading_demo_runs_on_gke_with_any_number_of_environments() {
    let lab = Lab::empty_on("gcp");
    lab.add_example("trading-demo");
    let file = "trading-demo/infra.toml";
    let run = |verb: &[&str]| -> Ran { lab.run(&words(file, verb)) };
    run(&["apply", "--yes", "--env", "demo1"]).ok().says("orders-demo1.trading.example.com");
    run(&["plan", "--detailed-exitcode", "--env", "demo1"]).ok();
    run(&["apps", "apply", "--yes", "--env", "demo2"]).ok().says("0 failed");
    run(&["apps", "status", "--env", "demo2"]).ok().says("orders-demo2.trading.example.com");

    // Where the autoscaler chooses how many there are, one can be replaced all the same.
    let before = nodes_of(&run(&["status", "--json", "--env", "demo1"]).ok().stdout);
    assert_eq!(before.len(), 3, "{before:?}");
    run(&["rotate-node", &before[0], "--yes", "--env", "demo1"]).ok();
    let after = nodes_of(&run(&["status", "--json", "--env", "demo1"]).ok().stdout);
    assert!(after.len() == 3 && !after.contains(&before[0]), "{after:?}");
    run(&["plan", "--detailed-exitcode", "--env", "demo1"]).ok();
    if let Some(kubectl) = Kubectl::of(&lab, "trading-demo") {
        for namespace in ["demo1", "demo2"] {
            assert_eq!(kubectl.broken_pods(namespace), Vec::<Vec<String>>::new());
        }
    }
    run(&["apps", "delete", "--yes", "--all", "--env", "demo2"]).ok();
    run(&["destroy", "--yes", "--env", "demo1"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn one_file_plans_on_three_clouds() {
    let exported = ["PAYMENT_API_KEY", "MAIL_API_KEY", "MONGO_PASSWORD", "GRAFANA_PASSWORD"];
    let plan = |provider: &'static str| {
        let lab = Lab::empty_on(provider);
        lab.add_example("aws-suite");
        let verb = ["plan", "--detailed-exitcode", "--env", "acc"];
        let mut command = lab.command(&words("aws-suite/infra.toml", &verb));
        command.envs(exported.map(|name| (name, "k-1")));
        Ran::of(&mut command).expect(2)
    };
    let suites = |ran: &Ran| -> Vec<String> {
        ran.changed("+").into_iter().filter(|one| one.starts_with("suite.")).collect()
    };
    let (own, managed) = (plan("do"), plan("gcp"));
    assert!(suites(&managed).contains(&"suite.apps".to_owned()), "{managed}");
    // GKE brings the network plugin and the cloud's controllers.
    let brought = ["suite.cni", "suite.cloud"];
    let mut wanted = suites(&own);
    wanted.retain(|suite| !brought.contains(&suite.as_str()));
    assert_eq!(suites(&managed), wanted);
    managed.warns("provider gcp (embedded cloud)").says("of no use here");
}
