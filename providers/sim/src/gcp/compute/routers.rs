//! Routers, for the NAT in them.

use serde_json::{Value, json};

use super::checks;
use super::kinds::{Fields, Site};
use super::links;
use crate::gcp::http::Refusal;
use crate::world::State as World;

/// Checks a new router.
pub fn prepare(w: &mut World, site: &Site<'_>, fields: &mut Fields) -> Result<(), Refusal> {
    let network = checks::reference(w, site, fields, "network", "networks")?;
    checks::default(fields, "encryptedInterconnectRouter", json!(false));
    nats(w, site, &network, fields)
}

/// Checks a change: the network stays.
pub fn patch(w: &World, site: &Site<'_>, old: &Value, fields: &mut Fields) -> Result<(), Refusal> {
    let network = old["network"].as_str().map(links::path_of).unwrap_or_default();
    if let Some(given) = fields.remove("network") {
        let given = given.as_str().unwrap_or_default();
        if links::read(site.project, given).as_deref() != Some(network) {
            return Err(Refusal::field("resource.network", given, "It cannot be changed."));
        }
    }
    nats(w, site, network, fields)
}

/// Checks the NATs, and fills in what is not given.
fn nats(w: &World, site: &Site<'_>, network: &str, fields: &mut Fields) -> Result<(), Refusal> {
    let Some(Value::Array(list)) = fields.get_mut("nats") else { return Ok(()) };
    let mut names: Vec<String> = Vec::new();
    let mut all = 0;
    for (i, nat) in list.iter_mut().enumerate() {
        let field = |name: &str| format!("resource.nats[{i}].{name}");
        let Some(nat) = nat.as_object_mut() else { continue };
        let name = checks::text(nat, "name").to_owned();
        if !checks::is_name(&name) || names.contains(&name) {
            return Err(Refusal::field(&field("name"), &name, "Must be a unique name."));
        }
        names.push(name);
        let option = checks::text(nat, "natIpAllocateOption").to_owned();
        let has_ips = nat.get("natIps").and_then(Value::as_array).is_some_and(|l| !l.is_empty());
        match option.as_str() {
            "AUTO_ONLY" if has_ips => {
                let why = "natIps must be empty with AUTO_ONLY.";
                return Err(Refusal::field(&field("natIps"), "", why));
            }
            "MANUAL_ONLY" if !has_ips => {
                let why = "natIps must not be empty with MANUAL_ONLY.";
                return Err(Refusal::field(&field("natIps"), "", why));
            }
            "AUTO_ONLY" | "MANUAL_ONLY" => {}
            _ => return Err(required(&field("natIpAllocateOption"))),
        }
        checks::references(w, site, nat, "natIps", &["addresses"])?;
        let ranges = checks::text(nat, "sourceSubnetworkIpRangesToNat").to_owned();
        if ranges.is_empty() {
            return Err(required(&field("sourceSubnetworkIpRangesToNat")));
        }
        let subnets = nat.get("subnetworks").and_then(Value::as_array).map_or(0, Vec::len);
        let is_list = ranges == "LIST_OF_SUBNETWORKS";
        if is_list != (subnets > 0) {
            let why = "Subnetworks go with LIST_OF_SUBNETWORKS, and only with it.";
            return Err(Refusal::field(&field("subnetworks"), "", why));
        }
        if let Some(Value::Array(subnets)) = nat.get_mut("subnetworks") {
            for (j, subnet) in subnets.iter_mut().enumerate() {
                let field = format!("resource.nats[{i}].subnetworks[{j}].name");
                let given = subnet["name"].as_str().unwrap_or_default().to_owned();
                let path = links::find(w, site.project, &field, &given, "subnetworks")?;
                let is_own = w
                    .gcp_resources
                    .by_id(&path)
                    .is_some_and(|s| s.body["network"] == links::link(network).as_str());
                if !is_own {
                    let why = "The subnetwork is in another network.";
                    return Err(Refusal::field(&field, &given, why));
                }
                subnet["name"] = json!(links::link(&path));
                if subnet.get("sourceIpRangesToNat").is_none() {
                    subnet["sourceIpRangesToNat"] = json!(["ALL_IP_RANGES"]);
                }
            }
        }
        all += usize::from(!is_list);
        checks::default(nat, "autoNetworkTier", json!("PREMIUM"));
        checks::default(nat, "effectiveTcpTimeWaitTimeoutSec", json!(120));
        checks::default(nat, "endpointTypes", json!(["ENDPOINT_TYPE_VM"]));
        checks::default(nat, "type", json!("PUBLIC"));
    }
    // Which others there are in the region counts as well.
    let link = links::link(network);
    let others = w.gcp_resources.by_name("routers").filter(|r| {
        r.path != site.path && r.scope == site.scope && r.body["network"] == link.as_str()
    });
    let of_others: usize = others
        .filter_map(|r| r.body["nats"].as_array())
        .flatten()
        .filter(|nat| nat["sourceSubnetworkIpRangesToNat"] != "LIST_OF_SUBNETWORKS")
        .count();
    if all > 1 || (all > 0 && of_others > 0) {
        return Err(Refusal::field(
            "resource.nats",
            "",
            "All subnetworks of a network in a region can be in one NAT only.",
        ));
    }
    Ok(())
}

fn required(field: &str) -> Refusal {
    Refusal::required(format!("Required field '{field}' not specified"))
}
