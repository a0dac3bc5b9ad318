//! The owner's tag was deleted by hand: what the state knows by its id is tagged again.

use super::{
    lab::{AwsLab, Config, DNS},
    moto::texts,
};

/// Kinds of EC2 whose tags anybody in the account may delete, with the id's name in its answers.
const TAGGED: [&str; 6] =
    ["vpcId", "subnetId", "internetGatewayId", "routeTableId", "groupId", "instanceId"];

fn delete_tags(lab: &AwsLab, keys: &[&str]) {
    let inventory = lab.inventory();
    let all = TAGGED.iter().flat_map(|kind| inventory[kind].iter());
    for id in all {
        let tags: Vec<String> = keys
            .iter()
            .enumerate()
            .map(|(place, key)| format!("&Tag.{}.Key={key}", place + 1))
            .collect();
        lab.ec2(&format!("Action=DeleteTags&ResourceId.1={id}{}", tags.concat()));
    }
}

#[test]
fn what_lost_its_owner_tag_is_tagged_again_and_never_made_twice() {
    let Some(lab) = AwsLab::of(&Config::default()) else { return };
    let empty = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok();
    let before = lab.inventory();
    for keys in [
        &["infra.dev%2Fowner"] as &[&str],
        // All that this tool wrote, as somebody does who tidies up.
        &["infra.dev%2Fowner", "infra.dev%2Fname", "infra.dev%2Frole", "infra.dev%2Frevision"],
    ] {
        delete_tags(&lab, keys);
        let plan = lab.infra(&["plan", "--detailed-exitcode"]).expect(2);
        assert_eq!(plan.changed("+"), Vec::<String>::new(), "{plan}");
        assert_eq!(plan.changed("-"), Vec::<String>::new(), "{plan}");
        for address in ["vpc.main", "instance.control-plane-1", "instance.worker-1"] {
            assert!(plan.changed("~").contains(&address.to_owned()), "{plan}");
        }
        lab.infra(&["apply", "--yes"]).ok();
        assert_eq!(lab.inventory(), before);
        lab.infra(&["plan", "--detailed-exitcode"]).ok();
    }
    delete_tags(&lab, &["infra.dev%2Fowner"]);
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(lab.inventory(), empty);
}

/// A change of Route 53's.
const ROUTE53: &str = "https://route53.amazonaws.com/doc/2013-04-01/";

/// Takes the owner's mark off everything beyond EC2.
fn unmark(lab: &AwsLab, empty: &super::lab::Inventory) {
    let inventory = lab.inventory();
    let mut parts: Vec<String> = inventory["target_group"].iter().cloned().collect();
    for balancer in &inventory["balancer"] {
        let listeners = lab.elb(&format!("Action=DescribeListeners&LoadBalancerArn={balancer}"));
        parts.extend(texts(&listeners, "ListenerArn"));
        parts.push(balancer.clone());
    }
    for part in &parts {
        lab.elb(&format!(
            "Action=RemoveTags&ResourceArns.member.1={part}&TagKeys.member.1=infra.dev%2Fowner\
             &TagKeys.member.2=infra.dev%2Fname"
        ));
    }
    for role in &inventory["role"] {
        lab.iam(&format!("Action=UntagRole&RoleName={role}&TagKeys.member.1=infra.dev%2Fowner"));
    }
    for profile in &inventory["profile"] {
        lab.iam(&format!(
            "Action=UntagInstanceProfile&InstanceProfileName={profile}\
             &TagKeys.member.1=infra.dev%2Fowner"
        ));
    }
    for bucket in inventory["bucket"].difference(&empty["bucket"]) {
        let path = format!("/{bucket}?tagging");
        lab.moto.send("DELETE", &path, "s3", super::lab::REGION, &lab.keys.id, "");
    }
    for zone in inventory["zone"].difference(&empty["zone"]) {
        let id = zone.rsplit('/').next().unwrap();
        let path = format!("/2013-04-01/hostedzone/{id}");
        let route53 = |path: &str, body: &str| {
            let answer = lab.moto.send("POST", path, "route53", "us-east-1", &lab.keys.id, body);
            assert!(answer.contains(" 200 "), "{answer}");
        };
        let comment = format!(
            "<UpdateHostedZoneCommentRequest xmlns=\"{ROUTE53}\"><Comment>of the shop</Comment>\
             </UpdateHostedZoneCommentRequest>"
        );
        route53(&path, &comment);
        let records = lab.moto.get(&format!("{path}/rrset"), "route53", "us-east-1", &lab.keys.id);
        let mark = texts(&records, "Value").into_iter().find(|text| text.contains("infra:"));
        let mark = mark.unwrap();
        let change = format!(
            "<ChangeResourceRecordSetsRequest xmlns=\"{ROUTE53}\"><ChangeBatch><Changes><Change>\
             <Action>DELETE</Action><ResourceRecordSet><Name>_infra.api.shop.example.com</Name>\
             <Type>TXT</Type><TTL>300</TTL><ResourceRecords><ResourceRecord><Value>{mark}</Value>\
             </ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes>\
             </ChangeBatch></ChangeResourceRecordSetsRequest>"
        );
        route53(&format!("{path}/rrset"), &change);
    }
}

#[test]
fn what_lost_its_mark_beyond_ec2_is_marked_again_and_never_made_twice() {
    let config = Config { workers: 1, more: DNS, ..Config::default() };
    let Some(lab) = AwsLab::of(&config) else { return };
    let empty = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok();
    let before = lab.inventory();
    unmark(&lab, &empty);
    let plan = lab.infra(&["plan", "--detailed-exitcode"]).expect(2);
    assert_eq!(plan.changed("+"), Vec::<String>::new(), "{plan}");
    assert_eq!(plan.changed("-"), Vec::<String>::new(), "{plan}");
    let changed = plan.changed("~");
    for address in [
        "load_balancer.api",
        "target_group.api",
        "listener.api",
        "iam_role.worker",
        "instance_profile.control-plane",
        "bucket.artifacts",
        "hosted_zone.shop.example.com",
        "record.api.shop.example.com",
    ] {
        assert!(changed.contains(&address.to_owned()), "{address}: {plan}");
    }
    // Its group is asked for by the id that the state knows.
    assert!(!changed.iter().any(|one| one.starts_with("target.")), "{plan}");
    lab.infra(&["apply", "--yes"]).ok();
    assert_eq!(lab.inventory(), before);
    lab.infra(&["plan", "--detailed-exitcode"]).ok();

    unmark(&lab, &empty);
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(lab.inventory(), empty);
}

#[test]
fn what_carries_another_clusters_mark_is_left() {
    let Some(lab) = AwsLab::of(&Config { workers: 1, ..Config::default() }) else { return };
    let empty = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok();
    let role = lab.inventory()["role"].iter().find(|name| name.ends_with("-worker")).cloned();
    let role = role.unwrap();
    let other = "00000000-0000-4000-8000-000000000001";
    lab.iam(&format!(
        "Action=TagRole&RoleName={role}&Tags.member.1.Key=infra.dev%2Fowner\
         &Tags.member.1.Value={other}"
    ));
    let plan = lab.run(&["plan", "--destroy"]).ok();
    assert!(!plan.changed("-").contains(&"iam_role.worker".to_owned()), "{plan}");
    lab.run(&["destroy", "--yes"]);
    assert!(lab.inventory()["role"].contains(&role));
    lab.iam(&format!("Action=DeleteRolePolicy&RoleName={role}&PolicyName=infra"));
    lab.iam(&format!("Action=DeleteRole&RoleName={role}"));
    assert_eq!(lab.inventory(), empty);
}
