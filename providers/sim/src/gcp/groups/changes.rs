//! `createInstances` and `deleteInstances`: a group's size moves with the instances that are named.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::managers::{self, Group};
use super::names;
use crate::gcp::Gcp;
use crate::gcp::compute::operations::{self, New};
use crate::gcp::http::{Call, Refusal, Reply, Routes, Shape};
use crate::world::{GcpEffect, InstanceStatus, State, mix};

/// How long such an operation takes; the instances take longer.
const TAKES: Duration = Duration::from_millis(300);

/// Adds the calls.
pub fn add(routes: &mut Routes) {
    routes.post(
        "/compute/v1/projects/{project}/zones/{zone}/instanceGroupManagers/{group}/createInstances",
        create,
    );
    routes.post(
        "/compute/v1/projects/{project}/zones/{zone}/instanceGroupManagers/{group}/deleteInstances",
        delete,
    );
}

/// Changes a group under the caller's `requestId`, and answers with the operation.
fn change(
    gcp: &Arc<Gcp>,
    call: &Call,
    kind: &str,
    work: impl FnOnce(&mut State, &Group) -> Result<(), Refusal>,
) -> Reply {
    let done = gcp.sim().world.write(|w| {
        if let Some(answer) = operations::replay(w, call)? {
            return Ok(Err(answer));
        }
        let group = managers::find(w, call)?;
        work(w, &group)?;
        let target = format!(
            "projects/{}/zones/{}/instanceGroupManagers/{}",
            call.project(),
            group.zone,
            group.name()
        );
        let number = (mix(group.pool.seq, &group.zone, 0) >> 2).to_string();
        let scope = format!("zones/{}", group.zone);
        let effect = GcpEffect::Ready(target.clone());
        let new = New { scope: &scope, kind, target: &target, target_number: &number, effect };
        Ok(Ok(operations::begin(w, call, TAKES, &new)))
    })?;
    Ok(match done {
        Ok(operation) => operations::started(gcp, call, &operation),
        Err(answer) => answer,
    })
}

async fn create(gcp: Arc<Gcp>, call: Call) -> Reply {
    let shape = Shape::new("instances[](name,fingerprint,preservedState:a,status:a)");
    let body = call.body(&shape)?;
    let wanted: Vec<String> = body["instances"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|one| one["name"].as_str().unwrap_or_default().to_owned())
        .collect();
    if wanted.is_empty() {
        return Err(Refusal::required("Required field 'instances' not specified"));
    }
    let account = gcp.account();
    change(&gcp, &call, "compute.instanceGroupManagers.createInstances", |w, group| {
        for name in &wanted {
            if !names::is_valid(name) {
                let why = "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'";
                return Err(Refusal::field("instances[].name", name, why));
            }
            if w.instances.by_id(&format!("{}/{name}", group.zone)).is_some() {
                return Err(Refusal::field(
                    "instances[].name",
                    name,
                    &format!(
                        "Instance '{name}' already exists in the managed instance group or zone."
                    ),
                ));
            }
        }
        super::check_cpus(
            &gcp,
            w,
            crate::gcp::places::region_of(&group.zone),
            cpus(group, wanted.len()),
        )?;
        for name in &wanted {
            raise(w, group);
            super::create(w, account, &group.cluster, &group.pool, &group.zone, Some(name));
        }
        Ok(())
    })
}

fn cpus(group: &Group, count: usize) -> u64 {
    let machine = group.pool.config["config"]["machineType"].as_str().unwrap_or_default();
    u64::from(super::machine_types::capacity(machine).0) * count as u64
}

fn raise(w: &mut State, group: &Group) {
    w.gke_pools.modify(group.pool.seq, |pool| {
        *pool.targets.entry(group.zone.clone()).or_default() += 1;
    });
}

async fn delete(gcp: Arc<Gcp>, call: Call) -> Reply {
    let shape = Shape::new("instances[],skipInstancesOnValidationError:b");
    let body = call.body(&shape)?;
    let named: Vec<String> = body["instances"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect();
    if named.is_empty() {
        return Err(Refusal::required("Required field 'instances' not specified"));
    }
    let skips = body["skipInstancesOnValidationError"] == true;
    change(&gcp, &call, "compute.instanceGroupManagers.deleteInstances", |w, group| {
        let mut leaving = Vec::new();
        for url in &named {
            let name = url.rsplit('/').next().unwrap_or_default();
            let found = group.instances(w).find(|one| one.name == name);
            match found {
                Some(one) if one.status == InstanceStatus::Stopping => {}
                Some(one) => leaving.push(one.seq),
                None if skips => {}
                None => {
                    return Err(Refusal::field(
                        "instances",
                        url,
                        &format!("Instance '{name}' is not a member of '{}'.", group.name()),
                    ));
                }
            }
        }
        for seq in leaving {
            super::remove(w, seq, true);
        }
        Ok(())
    })
}
