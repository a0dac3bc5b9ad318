//! Sets of records, one by one.

use std::cmp::Ordering;
use std::sync::Arc;

use serde_json::{Value, json};

use super::{apply, zones};
use crate::gcp::Gcp;
use crate::gcp::compute::shape;
use crate::gcp::http::{Call, Refusal, Reply, Routes, page};
use crate::world::{GcpRecordSet, State as World};

const ALL: &str = "/dns/v1/projects/{project}/managedZones/{zone}/rrsets";
const ONE: &str = "/dns/v1/projects/{project}/managedZones/{zone}/rrsets/{name}/{type}";

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    routes.get(ALL, list);
    routes.post(ALL, create);
    routes.get(ONE, get);
    routes.add(http::Method::PATCH, ONE, patch);
    routes.delete(ONE, delete);
}

/// Adds a set to a zone.
pub fn put(w: &mut World, zone: &str, name: &str, kind: &str, ttl: u32, data: Vec<String>) {
    let seq = w.counters.next_order();
    w.gcp_record_sets.put(GcpRecordSet {
        seq,
        zone: zone.to_owned(),
        name: name.to_owned(),
        kind: kind.to_owned(),
        ttl,
        data,
    });
}

/// Shows a set.
pub fn view(set: &GcpRecordSet) -> Value {
    json!({
        "kind": "dns#resourceRecordSet",
        "name": set.name,
        "type": set.kind,
        "ttl": set.ttl,
        "rrdatas": set.data,
    })
}

/// Orders names from the domain downwards.
fn order(a: &GcpRecordSet, b: &GcpRecordSet) -> Ordering {
    let labels = |name: &str| name.split('.').rev().map(str::to_owned).collect::<Vec<_>>();
    labels(&a.name).cmp(&labels(&b.name)).then_with(|| a.kind.cmp(&b.kind))
}

async fn list(gcp: Arc<Gcp>, call: Call) -> Reply {
    let (name, kind) = (call.query.get("name"), call.query.get("type"));
    if kind.is_some() && name.is_none() {
        return Err(Refusal::bad("invalid", "The 'type' parameter needs the 'name' parameter."));
    }
    let name = name.map(str::to_ascii_lowercase);
    let stale = call.stale();
    let sets = gcp.sim().world.read(|w| {
        let zone = zones::find(w, &call)?;
        let mut sets: Vec<&Arc<GcpRecordSet>> = w
            .gcp_record_sets
            .by_name(&zone.name)
            .filter(|set| name.as_ref().is_none_or(|name| set.name == *name))
            .filter(|set| kind.is_none_or(|kind| set.kind == kind))
            .filter(|set| stale.is_none_or(|age| !w.gcp_record_sets.younger(set.seq, age)))
            .collect();
        sets.sort_by(|a, b| order(a, b));
        Ok::<_, Refusal>(sets.into_iter().map(|set| view(set)).collect::<Vec<_>>())
    })?;
    let (sets, next) = page(&call, "maxResults", sets)?;
    let mut body = json!({ "kind": "dns#resourceRecordSetsListResponse" });
    if !sets.is_empty() {
        body["rrsets"] = json!(sets);
    }
    if let Some(next) = next {
        body["nextPageToken"] = json!(next);
    }
    Ok(body)
}

/// Finds the set of a path.
fn find(w: &World, call: &Call) -> Result<Arc<GcpRecordSet>, Refusal> {
    let zone = zones::find(w, call)?;
    let (name, kind) = (call.value("name").to_ascii_lowercase(), call.value("type"));
    let mut sets = w.gcp_record_sets.by_name(&zone.name);
    sets.find(|set| set.name == name && set.kind == kind).cloned().ok_or_else(|| {
        Refusal::not_found(format!(
            "The 'parameters.name' resource named '{name} ({kind})' does not exist."
        ))
    })
}

async fn get(gcp: Arc<Gcp>, call: Call) -> Reply {
    gcp.sim().world.read(|w| find(w, &call)).map(|set| view(&set))
}

async fn create(gcp: Arc<Gcp>, call: Call) -> Reply {
    let body = call.body(shape("ResourceRecordSet"))?;
    gcp.sim().world.write(|w| {
        let zone = zones::find(w, &call)?;
        let change = json!({ "additions": [body] });
        let added = apply::apply(w, &zone, &change)?;
        added.first().map(view).ok_or_else(|| Refusal::required("The set of records is empty."))
    })
}

async fn patch(gcp: Arc<Gcp>, call: Call) -> Reply {
    let body = call.body(shape("ResourceRecordSet"))?;
    gcp.sim().world.write(|w| {
        let zone = zones::find(w, &call)?;
        let old = view(&*find(w, &call)?);
        let mut new = old.clone();
        for (name, value) in body.as_object().into_iter().flatten() {
            new[name] = value.clone();
        }
        let change = json!({ "additions": [new], "deletions": [old] });
        let added = apply::apply(w, &zone, &change)?;
        added.first().map(view).ok_or_else(|| Refusal::required("The set of records is empty."))
    })
}

async fn delete(gcp: Arc<Gcp>, call: Call) -> Reply {
    gcp.sim().world.write(|w| {
        let zone = zones::find(w, &call)?;
        let change = json!({ "deletions": [view(&*find(w, &call)?)] });
        apply::apply(w, &zone, &change)?;
        Ok(json!({}))
    })
}
