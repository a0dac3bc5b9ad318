//! Networks.

use serde_json::{Value, json};

use super::checks;
use super::kinds::{Fields, Site};
use crate::gcp::http::Refusal;
use crate::world::State as World;

/// Checks a new network. Only networks whose subnets are made one by one are known here.
pub fn prepare(_: &mut World, _: &Site<'_>, fields: &mut Fields) -> Result<(), Refusal> {
    if fields.get("autoCreateSubnetworks") != Some(&Value::Bool(false)) {
        return Err(Refusal::field(
            "resource.autoCreateSubnetworks",
            "true",
            "The embedded cloud makes networks in custom mode only.",
        ));
    }
    if let Some(mtu) = fields.get("mtu").and_then(Value::as_i64)
        && !(1300..=8896).contains(&mtu)
    {
        let why = "Must be between 1300 and 8896, inclusive";
        return Err(Refusal::field("resource.mtu", &mtu.to_string(), why));
    }
    checks::default(
        fields,
        "networkFirewallPolicyEnforcementOrder",
        json!("AFTER_CLASSIC_FIREWALL"),
    );
    checks::default(fields, "routingConfig", json!({}));
    if let Some(Value::Object(routing)) = fields.get_mut("routingConfig") {
        routing.entry("routingMode").or_insert(json!("REGIONAL"));
        routing.entry("bgpBestPathSelectionMode").or_insert(json!("LEGACY"));
    }
    if fields.get("enableUlaInternalIpv6") == Some(&Value::Bool(false)) {
        fields.remove("enableUlaInternalIpv6");
    }
    Ok(())
}
