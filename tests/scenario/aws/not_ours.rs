//! What belongs to strangers in the account, and what somebody protected.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{
    lab::{AwsLab, Config, DNS, more},
    moto::texts,
};

/// Far less than a network is waited for.
const SOON: Duration = Duration::from_secs(90);

fn small() -> Option<AwsLab> {
    AwsLab::of(&Config { workers: 1, ..Config::default() })
}

#[test]
fn a_strangers_group_in_the_network_is_named_and_left() {
    let Some(lab) = small() else { return };
    let before = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok();
    let made = lab.inventory();
    let vpc = made["vpcId"].difference(&before["vpcId"]).next().unwrap().clone();
    let group = lab.ec2(&format!(
        "Action=CreateSecurityGroup&GroupName=janes-ca&GroupDescription=hers&VpcId={vpc}"
    ));
    let group = texts(&group, "groupId").pop().unwrap();
    let named = format!("security group janes-ca ({group})");
    let plan = lab.run(&["plan", "--destroy"]).ok().says(&named);
    assert!(!plan.stdout.contains("kubernetes_security_group"), "{plan}");
    // moto lets a network go with what is in it.
    lab.moto.fault(
        &lab.keys,
        json!({"call": "DeleteVpc", "code": "DependencyViolation", "count": 9999,
               "message": "The vpc has dependencies and cannot be deleted."}),
    );
    let began = Instant::now();
    let ran = lab.run(&["destroy", "--yes"]).expect(8);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    let error = ran.stderr.lines().find(|line| line.starts_with("error: vpc.main")).unwrap();
    assert!(error.contains(&named), "{error}");
    let left = lab.inventory();
    assert!(left["groupId"].contains(&group), "it was deleted: {ran}");
    assert!(left["vpcId"].contains(&vpc));

    lab.moto.clear_faults(&lab.keys);
    lab.ec2(&format!("Action=DeleteSecurityGroup&GroupId={group}"));
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
}

#[test]
fn protections_are_found_before_anything_is_deleted() {
    let Some(lab) = small() else { return };
    let before = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok();
    let made = lab.inventory();
    let machine = made["instanceId"].difference(&before["instanceId"]).next().unwrap().clone();
    let balancer = made["balancer"].difference(&before["balancer"]).next().unwrap().clone();
    let protect = |on: bool| {
        lab.ec2(&format!(
            "Action=ModifyInstanceAttribute&InstanceId={machine}&DisableApiTermination.Value={on}"
        ));
        lab.elb(&format!(
            "Action=ModifyLoadBalancerAttributes&LoadBalancerArn={balancer}\
             &Attributes.member.1.Key=deletion_protection.enabled&Attributes.member.1.Value={on}"
        ));
    };
    protect(true);
    // Both at once, each with the command that lifts it.
    let ran = lab.run(&["destroy", "--yes"]).expect(3);
    ran.warns("termination protection")
        .warns(&format!("--instance-id {machine} --no-disable-api-termination"))
        .warns("deletion protection")
        .warns("Key=deletion_protection.enabled,Value=false");
    assert_eq!(more(&lab.inventory(), &made), Vec::<String>::new(), "something was deleted");
    protect(false);

    // Switched on after the plan: one error at once.
    lab.moto.fault(
        &lab.keys,
        json!({"call": "TerminateInstances", "code": "OperationNotPermitted", "count": 9999,
               "message": "The instance may not be terminated. Modify its \
                           'disableApiTermination' instance attribute and try again."}),
    );
    let began = Instant::now();
    let ran = lab.run(&["destroy", "--yes"]).expect(8);
    assert!(began.elapsed() < SOON, "{:?}", began.elapsed());
    ran.warns("OperationNotPermitted").warns("--no-disable-api-termination");
    lab.moto.clear_faults(&lab.keys);
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
}

#[test]
fn a_zone_with_records_of_others_is_kept_unless_it_is_named() {
    let Some(lab) = AwsLab::of(&Config { workers: 1, more: DNS, ..Config::default() }) else {
        return;
    };
    let before = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok();
    let plan = lab.run(&["plan", "--destroy"]).ok();
    assert!(!plan.stdout.contains("records"), "{plan}");
    let zone = lab.inventory()["zone"].difference(&before["zone"]).next().unwrap().clone();
    let id = zone.rsplit('/').next().unwrap().to_owned();
    let change = "<ChangeResourceRecordSetsRequest \
        xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change>\
        <Action>CREATE</Action><ResourceRecordSet><Name>mail.shop.example.com</Name><Type>A</Type>\
        <TTL>300</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.7</Value></ResourceRecord>\
        </ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch>\
        </ChangeResourceRecordSetsRequest>";
    let path = format!("/2013-04-01/hostedzone/{id}/rrset");
    let answer = lab.moto.send("POST", &path, "route53", "us-east-1", &lab.keys.id, change);
    assert!(answer.contains(" 200 "), "{answer}");
    let plan = lab.run(&["plan", "--destroy"]).ok();
    plan.says("hosted_zone.shop.example.com is kept").says("A mail.shop.example.com");
    lab.run(&["destroy", "--yes"]).ok().warns("Left: hosted_zone.shop.example.com.");
    assert_eq!(more(&before, &lab.inventory()), [format!("zone {zone}")]);
    let named = ["destroy", "--yes", "--delete-zone", "shop.example.com"];
    lab.run(&named).ok().says("A mail.shop.example.com: they are deleted with it");
    assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new());
}

#[test]
fn the_zones_are_those_that_the_account_has() {
    let Some(lab) = small() else { return };
    let toml = lab.lab.read("infra.toml").replace("eu-central-1", "us-west-1");
    lab.lab.write("infra.toml", &toml);
    let plan = lab.infra(&["plan"]).ok();
    let subnets: Vec<String> =
        plan.changed("+").into_iter().filter(|one| one.starts_with("subnet.")).collect();
    assert_eq!(subnets, ["subnet.nodes-a", "subnet.nodes-b"], "{plan}");
}

#[test]
fn an_endpoint_on_this_machine_is_reached_without_the_proxy() {
    let Some(lab) = small() else { return };
    let mut command = lab.command(&["plan", "--phase", "infra"]);
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY"] {
        command.env(name, "http://127.0.0.1:1");
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy");
    crate::lab::Ran::of(&mut command).ok();
}

#[test]
fn a_range_that_another_network_has_is_noted_and_taken() {
    let Some(lab) = small() else { return };
    lab.ec2("Action=CreateVpc&CidrBlock=10.110.0.0%2F20");
    let words = "overlaps with VPC vpc-";
    lab.infra(&["plan"]).ok().says(words).says("10.110.0.0/20");
    lab.infra(&["apply", "--yes"]).ok();
    let plan = lab.infra(&["plan"]).ok();
    assert!(!plan.stdout.contains(words), "{plan}");
    lab.run(&["destroy", "--yes"]).ok();
}
