//! The owner's tag was deleted by hand: what the state knows by its id is tagged again.

use super::lab::{AwsLab, Config};

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
