//! Who may connect to the API server: `[[firewall]]` with `to = "api"`.

use std::collections::BTreeSet;

use super::{
    lab::{AwsLab, Config},
    moto::texts,
};

const RULE: &str = "\n[[firewall]]\nto = \"api\"\nfrom = [\"203.0.113.0/24\"]\n";

/// The ranges that the group of the API's load balancer lets in.
fn allowed(lab: &AwsLab) -> BTreeSet<String> {
    let query =
        "Action=DescribeSecurityGroups&Filter.1.Name=tag:infra.dev/name&Filter.1.Value.1=api";
    texts(&lab.ec2(query), "cidrIp").into_iter().filter(|range| range != "0.0.0.0/0").collect()
}

/// The public addresses of the machines, as ranges.
fn machines(lab: &AwsLab) -> BTreeSet<String> {
    let query =
        "Action=DescribeInstances&Filter.1.Name=instance-state-name&Filter.1.Value.1=running";
    let mut all = BTreeSet::new();
    for ip in texts(&lab.ec2(query), "ipAddress") {
        all.insert(format!("{ip}/32"));
    }
    all
}

#[test]
fn machines_with_public_addresses_are_let_in_one_by_one() {
    let config = Config { workers: 1, more: RULE, ..Config::default() };
    let Some(lab) = AwsLab::of(&config) else { return };
    let empty = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok().says("only 203.0.113.0/24 and the cluster's machines");
    let mut wanted = machines(&lab);
    assert_eq!(wanted.len(), 2);
    wanted.insert("203.0.113.0/24".to_owned());
    assert_eq!(allowed(&lab), wanted);
    lab.infra(&["plan", "--detailed-exitcode"]).ok();

    let narrow = lab.lab.read("infra.toml");
    let open = narrow.replace(RULE, "");
    lab.lab.write("infra.toml", &open);
    lab.infra(&["apply", "--yes"]).ok();
    assert_eq!(allowed(&lab), BTreeSet::new());
    lab.infra(&["plan", "--detailed-exitcode"]).ok();

    lab.lab.write("infra.toml", &narrow);
    lab.infra(&["apply", "--yes"]).ok();
    assert_eq!(allowed(&lab), wanted);
    lab.infra(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(lab.inventory(), empty);
}

#[test]
fn machines_behind_a_gateway_share_its_address() {
    let config = Config { workers: 1, settings: "private = true", more: RULE, ..Config::default() };
    let Some(lab) = AwsLab::of(&config) else { return };
    let empty = lab.inventory();
    lab.infra(&["apply", "--yes"]).ok();
    let gateway = texts(&lab.ec2("Action=DescribeAddresses"), "publicIp").pop().unwrap();
    let wanted = BTreeSet::from([format!("{gateway}/32"), "203.0.113.0/24".to_owned()]);
    assert_eq!(allowed(&lab), wanted);
    lab.infra(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(lab.inventory(), empty);
}
