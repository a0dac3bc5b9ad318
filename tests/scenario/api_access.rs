//! Who may connect to the API server: `[[firewall]]` with `to = "api"`.

use std::collections::BTreeSet;

use serde_json::Value;

use super::lab::{Config, Lab};

const SMALL: Config = Config { control_planes: 1, workers: 1 };

fn rule(from: &str) -> String {
    format!("\n[[firewall]]\nto = \"api\"\nfrom = [\"{from}\"]\n")
}

/// What the load balancer's firewall lets in.
fn allowed(lab: &Lab) -> BTreeSet<String> {
    let inventory = lab.inventory();
    let balancer = inventory.of("load_balancers")[0]["id"].as_str().unwrap().to_owned();
    let answer = lab.by_hand("GET", &format!("/v2/load_balancers/{balancer}"), None);
    let allow = &answer["load_balancer"]["firewall"]["allow"];
    allow.as_array().unwrap().iter().map(|rule| rule.as_str().unwrap().to_owned()).collect()
}

/// `ip:` for the public address of each machine.
fn machines(lab: &Lab) -> BTreeSet<String> {
    let answer = lab.by_hand("GET", "/v2/droplets?per_page=200", None);
    let addresses = answer["droplets"].as_array().unwrap().iter().flat_map(|droplet| {
        let all: Vec<Value> = droplet["networks"]["v4"].as_array().unwrap().clone();
        let public = all.into_iter().filter(|one| one["type"] == "public");
        public.map(|one| format!("ip:{}", one["ip_address"].as_str().unwrap()))
    });
    addresses.collect()
}

#[test]
fn the_port_is_narrowed_and_machines_come_and_go_with_their_addresses() {
    let lab = Lab::with(&(SMALL.toml() + &rule("127.0.0.1/32")));
    let ran = lab.run(&["apply", "--yes"]).ok();
    ran.says("only 127.0.0.1/32 and the cluster's machines may connect");
    let mut wanted = machines(&lab);
    assert_eq!(wanted.len(), 2);
    wanted.insert("cidr:127.0.0.1/32".to_owned());
    assert_eq!(allowed(&lab), wanted);
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    // A machine is recreated: its old address is not let in any more.
    lab.run(&["rotate-node", "worker-1", "--yes"]).ok();
    let mut wanted = machines(&lab);
    wanted.insert("cidr:127.0.0.1/32".to_owned());
    assert_eq!(allowed(&lab), wanted);
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    // A stranger's entry goes; a change of the load balancer keeps all others.
    let balancer = lab.inventory().of("load_balancers")[0]["id"].as_str().unwrap().to_owned();
    let path = format!("/v2/load_balancers/{balancer}");
    let mut body = lab.by_hand("GET", &path, None)["load_balancer"].clone();
    let region = body["region"]["slug"].clone();
    body["region"] = region;
    for field in ["size", "droplet_ids"] {
        body.as_object_mut().unwrap().remove(field);
    }
    body["firewall"]["allow"].as_array_mut().unwrap().push("ip:198.51.100.7".into());
    body["health_check"]["check_interval_seconds"] = 30.into();
    lab.by_hand("PUT", &path, Some(body));
    let plan = lab.run(&["plan"]).ok();
    assert_eq!(plan.changed("-"), ["api_access.198.51.100.7"], "{plan}");
    assert_eq!(plan.changed("~"), ["load_balancer.api"], "{plan}");
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(allowed(&lab), wanted);

    // This machine is shut out, the nodes are not.
    let toml = lab.read("infra.toml").replace("127.0.0.1/32", "203.0.113.0/24");
    lab.write("infra.toml", &toml);
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    lab.run(&["status"]).says("API server");
    let kubectl = lab.run(&["apps", "status"]);
    assert_ne!(kubectl.code, Some(0), "{kubectl}");
    // Open again.
    let open = lab.read("infra.toml").replace(&rule("203.0.113.0/24"), "");
    lab.write("infra.toml", &open);
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(allowed(&lab), BTreeSet::new());
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    // And narrow again, with machines that are there.
    lab.write("infra.toml", &(open + &rule("127.0.0.0/8")));
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(allowed(&lab).len(), 3);
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn what_a_rule_for_the_api_server_can_t_say_is_refused_where_it_stands() {
    let toml = SMALL.toml()
        + "\n[[firewall]]\nto = \"api\"\nprotocol = \"udp\"\nports = \"22\"\nfrom = [\"nodes\"]\n\
           \n[[firewall]]\nto = \"api\"\nfrom = []\n";
    let lab = Lab::with(&toml);
    let ran = lab.run(&["validate"]).expect(3);
    for words in [
        "the API server speaks tcp only",
        "listens on port 6443 only",
        "`nodes` is not an address range",
        "nobody outside the cluster could reach the API server",
    ] {
        assert!(ran.stderr.contains(words), "{words}: {ran}");
    }
    lab.write("infra.toml", &(SMALL.toml() + &rule("2001:db8::/32")));
    lab.run(&["plan"]).expect(3).warns("has no IPv6").warns("infra.toml:");
}
