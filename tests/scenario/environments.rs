//! Two environments on one cluster.

use super::lab::{Kubectl, quickstart};

#[test]
fn test_and_prod_live_side_by_side() {
    let lab = quickstart();
    lab.run(&["apply", "--yes", "--env", "test"]).ok();
    let before = lab.inventory();
    let plan = lab.run(&["plan", "--detailed-exitcode", "--env", "prod"]).expect(2);
    assert!(
        plan.changes().iter().all(|(mark, address)| mark == "+" && address.starts_with("suite.")),
        "{plan}"
    );
    lab.run(&["apply", "--yes", "--env", "prod"]).ok();
    let after = lab.inventory();
    for kind in ["droplets", "load_balancers", "firewalls", "vpcs", "records"] {
        assert_eq!(after.ids_of(kind), before.ids_of(kind), "{kind} belong to both");
    }
    assert!(after.of("volumes").len() > before.of("volumes").len(), "prod has its own disks");
    for environment in ["test", "prod"] {
        lab.run(&["plan", "--detailed-exitcode", "--env", environment]).ok().says("No changes");
    }
    if let Some(kubectl) = Kubectl::of(&lab, "quickstart") {
        for environment in ["test", "prod"] {
            assert_eq!(kubectl.broken_pods(environment), Vec::<Vec<String>>::new());
        }
    }
    lab.run(&["destroy", "--yes", "--env", "prod"]).ok();
    lab.inventory().assert_empty();
}
