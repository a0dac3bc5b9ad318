//! Managed zones.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{data, sets};
use crate::gcp::Gcp;
use crate::gcp::compute::{operations::number, shape};
use crate::gcp::http::{Call, Refusal, Reply, Routes, page};
use crate::world::{GcpZone, State as World, mix};

const ALL: &str = "/dns/v1/projects/{project}/managedZones";
const ONE: &str = "/dns/v1/projects/{project}/managedZones/{zone}";
/// The TTL of the records that the service makes, seconds.
const TTL: u32 = 21_600;

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    routes.get(ALL, list);
    routes.post(ALL, create);
    routes.get(ONE, get);
    routes.delete(ONE, delete);
    routes.add(http::Method::PATCH, ONE, patch);
}

/// Finds a zone by name or number.
///
/// # Errors
/// Returns 404 if there is none.
pub fn find(w: &World, call: &Call) -> Result<Arc<GcpZone>, Refusal> {
    let name = call.value("zone");
    let by_number = || w.gcp_zones.iter().find(|zone| zone.body["id"] == name);
    w.gcp_zones.by_id(name).or_else(by_number).cloned().ok_or_else(|| {
        let path = format!("projects/{}/managedZones/{name}", call.project());
        Refusal::not_found(format!("managedZone \"{path}\" not found"))
    })
}

async fn list(gcp: Arc<Gcp>, call: Call) -> Reply {
    let wanted = call.query.get("dnsName");
    let stale = call.stale();
    let zones = gcp.sim().world.read(|w| {
        w.gcp_zones
            .iter()
            .filter(|zone| wanted.is_none_or(|name| zone.dns_name == name))
            .filter(|zone| stale.is_none_or(|age| !w.gcp_zones.younger(zone.seq, age)))
            .map(|zone| zone.body.clone())
            .collect()
    });
    let (zones, next) = page(&call, "maxResults", zones)?;
    let mut body = json!({ "kind": "dns#managedZonesListResponse", "managedZones": zones });
    if let Some(next) = next {
        body["nextPageToken"] = json!(next);
    }
    Ok(body)
}

async fn get(gcp: Arc<Gcp>, call: Call) -> Reply {
    gcp.sim().world.read(|w| find(w, &call)).map(|zone| zone.body.clone())
}

async fn create(gcp: Arc<Gcp>, call: Call) -> Reply {
    let mut body = call.body(shape("ManagedZone"))?;
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    let (name, dns_name) = (text("name"), text("dnsName").to_ascii_lowercase());
    for (field, value) in
        [("name", &name), ("dnsName", &dns_name), ("description", &text("description"))]
    {
        if value.is_empty() {
            return Err(Refusal::required(format!(
                "The 'entity.managedZone.{field}' parameter is required but was missing."
            )));
        }
    }
    let invalid = |field: &str, value: &str| {
        Refusal::bad(
            "invalid",
            format!("Invalid value for 'entity.managedZone.{field}': '{value}'"),
        )
    };
    if !crate::gcp::compute::is_name(&name) {
        return Err(invalid("name", &name));
    }
    if !data::is_name(&dns_name) || dns_name.matches('.').count() < 2 || dns_name.contains('*') {
        return Err(invalid("dnsName", &dns_name));
    }
    crate::gcp::compute::check_labels(body.get("labels"), "entity.managedZone.labels")?;
    gcp.sim().world.write(|w| {
        if w.gcp_zones.by_id(&name).is_some() {
            return Err(Refusal::exists(format!(
                "The resource 'entity.managedZone' named '{name}' already exists"
            )));
        }
        let seq = w.counters.next_order();
        let letter =
            char::from(b'a' + u8::try_from(mix(w.counters.seed, "ns", seq) % 5).unwrap_or(0));
        let servers: Vec<String> =
            (1..=4).map(|i| format!("ns-cloud-{letter}{i}.googledomains.com.")).collect();
        for (key, value) in [
            ("kind", json!("dns#managedZone")),
            ("id", json!(number(w.counters.seed, seq).to_string())),
            ("creationTime", json!(jiff::Timestamp::now().to_string())),
            ("dnsName", json!(dns_name)),
            ("nameServers", json!(servers)),
            ("cloudLoggingConfig", json!({ "kind": "dns#managedZoneCloudLoggingConfig" })),
        ] {
            body[key] = value;
        }
        if body.get("visibility").is_none() {
            body["visibility"] = json!("public");
        }
        let soa = format!(
            "{} cloud-dns-hostmaster.google.com. 1 21600 3600 259200 300",
            servers.first().map_or("", String::as_str)
        );
        w.gcp_zones.put(GcpZone {
            seq,
            name: name.clone(),
            dns_name: dns_name.clone(),
            body: body.clone(),
            changes: 0,
        });
        sets::put(w, &name, &dns_name, "NS", TTL, servers);
        sets::put(w, &name, &dns_name, "SOA", TTL, vec![soa]);
        Ok(body)
    })
}

async fn patch(gcp: Arc<Gcp>, call: Call) -> Reply {
    let given = call.body(shape("ManagedZone"))?;
    crate::gcp::compute::check_labels(given.get("labels"), "entity.managedZone.labels")?;
    gcp.sim().world.write(|w| {
        let zone = find(w, &call)?;
        let mut body = zone.body.clone();
        let given = given.as_object().cloned().unwrap_or_default();
        for name in ["name", "dnsName", "visibility"] {
            if given.get(name).is_some_and(|value| *value != body[name]) {
                let value = given[name].as_str().unwrap_or_default();
                return Err(Refusal::bad(
                    "invalid",
                    format!("Invalid value for 'entity.managedZone.{name}': '{value}'"),
                ));
            }
        }
        for name in ["description", "labels"] {
            if let Some(value) = given.get(name) {
                body[name] = value.clone();
            }
        }
        let seq = w.counters.next_order();
        w.gcp_zones.modify(zone.seq, |z| z.body = body.clone());
        let labels_gone = body["labels"].as_object().is_some_and(serde_json::Map::is_empty);
        if labels_gone && let Some(body) = body.as_object_mut() {
            body.remove("labels");
        }
        Ok(json!({
            "kind": "dns#operation",
            "id": number(w.counters.seed, seq).to_string(),
            "startTime": jiff::Timestamp::now().to_string(),
            "status": "done",
            "type": "UPDATE",
            "user": call.user,
            "zoneContext": { "newValue": body, "oldValue": zone.body },
        }))
    })
}

async fn delete(gcp: Arc<Gcp>, call: Call) -> Reply {
    gcp.sim().world.write(|w| {
        let zone = find(w, &call)?;
        let is_own = |kind: &str, name: &str| name == zone.dns_name && (kind == "NS" || kind == "SOA");
        let sets: Vec<u64> = w.gcp_record_sets.by_name(&zone.name).map(|set| set.seq).collect();
        if w.gcp_record_sets.by_name(&zone.name).any(|set| !is_own(&set.kind, &set.name)) {
            return Err(Refusal::bad(
                "containerNotEmpty",
                format!(
                    "The resource named '{}' cannot be deleted because it contains one or more 'resource records'.",
                    zone.name
                ),
            ));
        }
        let changes: Vec<u64> = w.gcp_changes.by_name(&zone.name).map(|change| change.seq).collect();
        for seq in sets {
            w.gcp_record_sets.remove(seq);
        }
        for seq in changes {
            w.gcp_changes.remove(seq);
        }
        w.gcp_zones.remove(zone.seq);
        Ok(Value::Object(serde_json::Map::new()))
    })
}
