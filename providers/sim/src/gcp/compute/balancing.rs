//! Load balancing in its parts: rules, pools, services, checks, groups of endpoints.

use serde_json::{Value, json};

use super::addresses;
use super::checks::{self, text};
use super::kinds::{Fields, Site};
use super::links;
use crate::gcp::http::Refusal;
use crate::world::State as World;

/// Checks a new forwarding rule.
pub fn forwarding_rule(w: &mut World, site: &Site<'_>, fields: &mut Fields) -> Result<(), Refusal> {
    checks::default(fields, "loadBalancingScheme", json!("EXTERNAL"));
    checks::default(fields, "IPProtocol", json!("TCP"));
    for name in ["fingerprint", "labelFingerprint", "selfLinkWithId"] {
        fields.remove(name);
    }
    if fields.contains_key("target") == fields.contains_key("backendService") {
        return Err(Refusal::required(
            "Required field 'resource.target' or 'resource.backendService' not specified",
        ));
    }
    if fields.contains_key("target") {
        checks::reference(w, site, fields, "target", "targetPools")?;
    } else {
        checks::reference(w, site, fields, "backendService", "backendServices")?;
    }
    for (name, collection) in [("network", "networks"), ("subnetwork", "subnetworks")] {
        if fields.contains_key(name) {
            checks::reference(w, site, fields, name, collection)?;
        }
    }
    let range = text(fields, "portRange").to_owned();
    if !range.is_empty() && !range.contains('-') {
        fields.insert("portRange".to_owned(), json!(format!("{range}-{range}")));
    }
    let given = text(fields, "IPAddress").to_owned();
    let ip = if given.is_empty() {
        json!(addresses::next(w)?)
    } else if given.parse::<std::net::IpAddr>().is_ok() {
        json!(given)
    } else {
        let field = "resource.IPAddress";
        let path = links::find(w, site.project, field, &given, "addresses")?;
        w.gcp_resources.by_id(&path).map_or(Value::Null, |a| a.body["address"].clone())
    };
    let taken = w.gcp_resources.by_name("forwardingRules").any(|other| {
        other.body["IPAddress"] == ip
            && other.body["IPProtocol"] == fields["IPProtocol"]
            && other.body.get("portRange") == fields.get("portRange")
    });
    if taken {
        return Err(Refusal::field(
            "resource.IPAddress",
            ip.as_str().unwrap_or_default(),
            "Specified IP address is in-use and would result in a conflict.",
        ));
    }
    fields.insert("IPAddress".to_owned(), ip);
    checks::default(fields, "networkTier", json!("PREMIUM"));
    Ok(())
}

/// Checks a new target pool.
pub fn target_pool(w: &mut World, site: &Site<'_>, fields: &mut Fields) -> Result<(), Refusal> {
    checks::references(w, site, fields, "healthChecks", &["httpHealthChecks"])?;
    if let Some(Value::Array(instances)) = fields.get_mut("instances") {
        for one in instances {
            let given = one.as_str().unwrap_or_default().to_owned();
            let path = links::read(site.project, &given).ok_or_else(|| {
                Refusal::field("resource.instances", &given, "The URL is malformed.")
            })?;
            *one = json!(links::link(&path));
        }
    }
    checks::default(fields, "sessionAffinity", json!("NONE"));
    Ok(())
}

/// Checks a new backend service.
pub fn backend_service(w: &mut World, site: &Site<'_>, fields: &mut Fields) -> Result<(), Refusal> {
    let kinds = ["healthChecks", "httpHealthChecks"];
    checks::references(w, site, fields, "healthChecks", &kinds)?;
    if let Some(Value::Array(backends)) = fields.get_mut("backends") {
        for backend in backends {
            let given = backend["group"].as_str().unwrap_or_default().to_owned();
            let path = links::read(site.project, &given).ok_or_else(|| {
                Refusal::field("resource.backends.group", &given, "The URL is malformed.")
            })?;
            backend["group"] = json!(links::link(&path));
        }
    }
    fields.remove("fingerprint");
    checks::default(fields, "loadBalancingScheme", json!("EXTERNAL"));
    checks::default(fields, "protocol", json!("HTTP"));
    checks::default(fields, "sessionAffinity", json!("NONE"));
    checks::default(fields, "timeoutSec", json!(30));
    Ok(())
}

/// Checks a new health check.
pub fn health_check(_: &mut World, _: &Site<'_>, fields: &mut Fields) -> Result<(), Refusal> {
    if text(fields, "type").is_empty() {
        return Err(Refusal::required("Required field 'resource.type' not specified"));
    }
    intervals(fields);
    Ok(())
}

/// Checks a new health check of target pools.
pub fn http_health_check(_: &mut World, _: &Site<'_>, fields: &mut Fields) -> Result<(), Refusal> {
    intervals(fields);
    checks::default(fields, "port", json!(80));
    checks::default(fields, "requestPath", json!("/"));
    Ok(())
}

fn intervals(fields: &mut Fields) {
    for (name, value) in [
        ("checkIntervalSec", 5),
        ("timeoutSec", 5),
        ("healthyThreshold", 2),
        ("unhealthyThreshold", 2),
    ] {
        checks::default(fields, name, json!(value));
    }
}

/// Checks a new group of endpoints.
pub fn endpoint_group(w: &mut World, site: &Site<'_>, fields: &mut Fields) -> Result<(), Refusal> {
    checks::default(fields, "networkEndpointType", json!("GCE_VM_IP_PORT"));
    for (name, collection) in [("network", "networks"), ("subnetwork", "subnetworks")] {
        if fields.contains_key(name) {
            checks::reference(w, site, fields, name, collection)?;
        }
    }
    checks::default(fields, "size", json!(0));
    Ok(())
}
