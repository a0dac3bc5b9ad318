//! What is in the cluster's network and belongs to strangers.

use std::time::{Duration, Instant};

use super::lab::Config;

const SMALL: Config = Config { control_planes: 1, workers: 1 };
/// Far less than a network is waited for.
const SOON: Duration = Duration::from_secs(90);

#[test]
fn what_is_not_the_clusters_is_named_and_left() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let vpc = lab.inventory().of("vpcs")[0]["id"].as_str().unwrap().to_owned();
    let balancer = lab.add_balancer("jane-mail-gateway", &vpc);
    lab.add_droplet("janes-db", &vpc);
    let orphans = lab.run(&["orphans"]).ok();
    assert!(!orphans.stdout.contains("jane"), "{orphans}");

    // Said before anything is deleted, and not as Kubernetes'.
    let plan = lab.run(&["plan", "--destroy"]).ok();
    let plan = plan.says("load balancer jane-mail-gateway (").says("droplet janes-db (");
    assert!(!plan.stdout.contains("kubernetes_load_balancer.jane"), "{plan}");

    let began = Instant::now();
    let ran = lab.run(&["destroy", "--yes"]).expect(8);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let ran = ran.says("it is left, and so is this network");
    let error = ran.stderr.lines().find(|line| line.starts_with("error: vpc.main")).unwrap();
    for name in ["jane-mail-gateway", "janes-db"] {
        assert!(error.contains(name), "{error}");
    }
    let left = lab.inventory();
    assert_eq!(left.names("load_balancers"), ["jane-mail-gateway"]);
    assert_eq!(left.names("droplets"), ["janes-db"]);
    assert_eq!(left.of("vpcs").len(), 1);

    lab.by_hand("DELETE", &format!("/v2/load_balancers/{balancer}"), None);
    lab.delete_machine("janes-db");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}
