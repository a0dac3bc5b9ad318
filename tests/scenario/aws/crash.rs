//! Killed anywhere, or with its record lost, the next apply ends with exactly what is wanted.

use serde_json::json;

use super::lab::{AwsLab, Config, count, more};

#[test]
fn killed_again_and_again_ends_with_what_is_wanted() {
    let Some(lab) = AwsLab::of(&Config::default()) else { return };
    let before = lab.inventory();
    let mut kills = 0;
    for lines in [9, 40] {
        let target = lab.lab.journal_lines("lab") + lines;
        let mut run = lab.start(&["apply", "--yes", "--phase", "infra"]);
        let came = run.until(|| lab.lab.journal_lines("lab") >= target);
        run.kill();
        if !came {
            break;
        }
        kills += 1;
    }
    assert!(kills >= 1, "only {kills} kills hit a running apply");
    lab.infra(&["apply", "--yes"]).ok();
    lab.infra(&["plan", "--detailed-exitcode"]).ok();
    let made = lab.inventory();
    for (kind, wanted) in
        [("vpcId", 1), ("instanceId", 3), ("balancer", 1), ("internetGatewayId", 1)]
    {
        assert_eq!(count(&before, &made, kind), wanted, "{kind}: {:?}", more(&before, &made));
    }

    // The record is lost: everything is found again, nothing is made.
    std::fs::remove_dir_all(lab.lab.file(".infra/lab")).unwrap();
    let plan = lab.infra(&["plan"]).ok();
    assert_eq!(plan.changed("+"), Vec::<String>::new(), "{plan}");
    assert_eq!(plan.changed("-"), Vec::<String>::new(), "{plan}");
    lab.infra(&["apply", "--yes"]).ok();
    let after = lab.inventory();
    assert_eq!((more(&made, &after), more(&after, &made)), (Vec::new(), Vec::new()));
    lab.infra(&["plan", "--detailed-exitcode"]).ok();

    // A destroy that is killed resumes, too.
    let target = lab.lab.journal_lines("lab") + 12;
    let mut run = lab.start(&["destroy", "--yes"]);
    run.until(|| lab.lab.journal_lines("lab") >= target);
    run.kill();
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
}

/// Calls whose effect comes, and whose answer does not: once each.
const LOST: [&str; 14] = [
    "CreateVpc",
    "CreateSubnet",
    "CreateInternetGateway",
    "CreateRouteTable",
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",
    "CreateRole",
    "PutRolePolicy",
    "CreateInstanceProfile",
    "CreateLoadBalancer",
    "CreateTargetGroup",
    "CreateListener",
    "RunInstances",
    "RegisterTargets",
];

#[test]
fn answers_that_are_lost_make_nothing_twice_and_nothing_half() {
    let Some(lab) = AwsLab::of(&Config::default()) else { return };
    let before = lab.inventory();
    for call in LOST {
        lab.moto.fault(&lab.keys, json!({"call": call}));
    }
    lab.infra(&["apply", "--yes"]).ok();
    lab.infra(&["plan", "--detailed-exitcode"]).ok().says("No changes");
    let made = lab.inventory();
    for (kind, wanted) in [
        ("vpcId", 1),
        ("subnetId", 3),
        ("internetGatewayId", 1),
        ("groupId", 5),
        ("instanceId", 3),
        ("balancer", 1),
        ("target_group", 1),
        ("role", 2),
        ("profile", 2),
    ] {
        assert_eq!(count(&before, &made, kind), wanted, "{kind}: {:?}", more(&before, &made));
    }
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
}
