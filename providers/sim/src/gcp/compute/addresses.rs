//! Reserved addresses.

use std::net::Ipv4Addr;

use serde_json::json;

use super::checks::{self, text};
use super::kinds::{Fields, Site};
use super::links;
use crate::gcp::http::Refusal;
use crate::world::State as World;

/// Checks a new address: it may name one that is in use without being reserved.
pub fn prepare(w: &mut World, site: &Site<'_>, fields: &mut Fields) -> Result<(), Refusal> {
    checks::default(fields, "addressType", json!("EXTERNAL"));
    fields.remove("users");
    fields.remove("labelFingerprint");
    let is_external = fields["addressType"] == "EXTERNAL";
    for (name, collection) in [("network", "networks"), ("subnetwork", "subnetworks")] {
        if fields.contains_key(name) {
            checks::reference(w, site, fields, name, collection)?;
        }
    }
    let given = text(fields, "address").to_owned();
    let ip = if given.is_empty() {
        if is_external { next(w)? } else { inside(w, fields)? }
    } else {
        given
            .parse()
            .map_err(|_| Refusal::field("resource.address", &given, "Must be an IPv4 address."))?
    };
    let taken = w
        .gcp_resources
        .by_name("addresses")
        .any(|other| is_external && other.body["address"] == ip.to_string().as_str());
    if taken {
        let why = "Specified IP address is already reserved.";
        return Err(Refusal::field("resource.address", &ip.to_string(), why));
    }
    fields.insert("address".to_owned(), json!(ip));
    if is_external {
        checks::default(fields, "networkTier", json!("PREMIUM"));
        checks::default(fields, "ipVersion", json!("IPV4"));
    } else {
        checks::default(fields, "purpose", json!("GCE_ENDPOINT"));
    }
    Ok(())
}

/// Takes the next public address.
///
/// # Errors
/// Returns 403 `quotaExceeded` if there is none left.
pub fn next(w: &mut World) -> Result<Ipv4Addr, Refusal> {
    w.next_public(&[80, 443]).ok_or_else(|| Refusal {
        reason: "quotaExceeded".to_owned(),
        ..Refusal::forbidden("Quota 'IN_USE_ADDRESSES' exceeded.")
    })
}

/// Finds an address of the subnet that nothing has, from its end.
fn inside(w: &World, fields: &Fields) -> Result<Ipv4Addr, Refusal> {
    let missing = || Refusal::required("Required field 'resource.subnetwork' not specified");
    let path = links::path_of(text(fields, "subnetwork"));
    let subnet = w.gcp_resources.by_id(path).ok_or_else(missing)?;
    let range = subnet.body["ipCidrRange"].as_str().and_then(|r| r.parse::<ipnet::Ipv4Net>().ok());
    let range = range.ok_or_else(missing)?;
    let last = u32::from(range.broadcast());
    let is_free = |ip: &Ipv4Addr| {
        let text = ip.to_string();
        !w.gcp_resources.by_name("addresses").any(|a| a.body["address"] == text.as_str())
            && !w
                .gcp_resources
                .by_name("forwardingRules")
                .any(|f| f.body["IPAddress"] == text.as_str())
    };
    (2..range.hosts().count() as u32)
        .map(|i| Ipv4Addr::from(last - i))
        .find(is_free)
        .ok_or_else(|| Refusal::bad("ipSpaceExhausted", "IP space of the subnetwork is exhausted."))
}
