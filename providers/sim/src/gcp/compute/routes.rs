//! The calls of Compute Engine.

use std::sync::Arc;

use super::kinds::Kind;
use super::links::BASE;
use super::{checks, insert, operations, patch, remove, view};
use crate::gcp::Gcp;
use crate::gcp::http::{Call, Reply, Routes, aggregated as pages_of_all, list as pages};

macro_rules! kind {
    ($routes:ident, $collection:literal: $($place:literal),+ $(; $aggregated:literal)?) => {
        if let Some(kind) = Kind::of($collection) {
            $(one(
                $routes,
                concat!("/compute/v1/projects/{project}/", $place, "/", $collection),
                concat!("/compute/v1/projects/{project}/", $place, "/", $collection, "/{name}"),
                kind,
            );)+
            $($routes.get(
                concat!("/compute/v1/projects/{project}/", $aggregated, "/", $collection),
                move |gcp, call| aggregated(gcp, call, kind),
            );)?
        }
    };
}

macro_rules! operations {
    ($routes:ident, $($place:literal),+) => {
        $($routes.get(
            concat!("/compute/v1/projects/{project}/", $place, "/operations"),
            operations::list,
        );
        $routes.get(
            concat!("/compute/v1/projects/{project}/", $place, "/operations/{operation}"),
            operations::get,
        );
        $routes.post(
            concat!("/compute/v1/projects/{project}/", $place, "/operations/{operation}/wait"),
            operations::wait,
        );)+
    };
}

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    kind!(routes, "networks": "global");
    kind!(routes, "firewalls": "global");
    kind!(routes, "httpHealthChecks": "global");
    kind!(routes, "subnetworks": "regions/{region}"; "aggregated");
    kind!(routes, "routers": "regions/{region}"; "aggregated");
    kind!(routes, "targetPools": "regions/{region}"; "aggregated");
    kind!(routes, "addresses": "regions/{region}", "global"; "aggregated");
    kind!(routes, "forwardingRules": "regions/{region}", "global"; "aggregated");
    kind!(routes, "backendServices": "regions/{region}", "global"; "aggregated");
    kind!(routes, "healthChecks": "regions/{region}", "global"; "aggregated");
    kind!(routes, "networkEndpointGroups": "zones/{zone}", "regions/{region}", "global"; "aggregated");
    kind!(routes, "disks": "zones/{zone}", "regions/{region}"; "aggregated");
    operations!(routes, "global", "regions/{region}", "zones/{zone}");
    routes.get("/compute/v1/projects/{project}/aggregated/operations", operations::aggregated);
    routes.post(
        "/compute/v1/projects/{project}/regions/{region}/subnetworks/{name}/setPrivateIpGoogleAccess",
        patch::private_access,
    );
}

fn one(routes: &mut Routes, all: &'static str, one: &'static str, kind: &'static Kind) {
    routes.get(all, move |gcp, call| list(gcp, call, kind));
    routes.post(all, move |gcp, call| insert::insert(gcp, call, kind));
    routes.get(one, move |gcp, call| get(gcp, call, kind));
    routes.delete(one, move |gcp, call| remove::delete(gcp, call, kind));
    if kind.patch.is_some() {
        routes.add(::http::Method::PATCH, one, move |gcp, call| patch::patch(gcp, call, kind));
    }
}

async fn get(gcp: Arc<Gcp>, call: Call, kind: &'static Kind) -> Reply {
    gcp.sim().world.read(|w| {
        let row = patch::find(w, &call, kind)?;
        Ok(view(w, &row))
    })
}

async fn list(gcp: Arc<Gcp>, call: Call, kind: &'static Kind) -> Reply {
    let scope = operations::scope(&call);
    checks::scope(call.project(), &scope)?;
    let stale = call.stale();
    let items = gcp.sim().world.read(|w| {
        w.gcp_resources
            .by_name(kind.collection)
            .filter(|row| row.scope == scope)
            .filter(|row| stale.is_none_or(|age| !w.gcp_resources.younger(row.seq, age)))
            .map(|row| view(w, row))
            .collect()
    });
    pages(&call, &format!("{}List", kind.kind), BASE, items)
}

async fn aggregated(gcp: Arc<Gcp>, call: Call, kind: &'static Kind) -> Reply {
    let stale = call.stale();
    let items = gcp.sim().world.read(|w| {
        w.gcp_resources
            .by_name(kind.collection)
            .filter(|row| stale.is_none_or(|age| !w.gcp_resources.younger(row.seq, age)))
            .map(|row| (row.scope.clone(), view(w, row)))
            .collect()
    });
    let list = format!("{}AggregatedList", kind.kind);
    pages_of_all(&call, &list, BASE, kind.collection, items)
}
