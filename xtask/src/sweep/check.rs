//! What must hold once a scenario is over: asked of the cloud itself, and of the record.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use infra_sim::control::Inventory;
use serde_json::Value;

use super::{Lab, Provider, Scenario, SweepError, gke_check, lab::CLUSTER};

/// What exists: by kind, by name, how often. Names that differ from run to run (a generation, an id
/// that Kubernetes gave) are cut to what they have in common.
pub type Shape = BTreeMap<String, BTreeMap<String, usize>>;

/// How long what the cloud does by itself may take.
const BY_ITSELF: Duration = Duration::from_secs(20);
/// Between two looks at it.
const LOOK: Duration = Duration::from_millis(50);

/// Kinds that are recorded, and where the cloud lists them; what names one of them there.
const RECORDED: [(&str, &str, &str); 9] = [
    ("droplet", "droplets", "id"),
    ("vpc", "vpcs", "id"),
    ("firewall", "firewalls", "id"),
    ("load_balancer", "load_balancers", "id"),
    ("ssh_key", "keys", "id"),
    ("domain", "domains", "name"),
    ("record", "records", "id"),
    ("volume", "volumes", "id"),
    ("bucket", "buckets", "name"),
];

/// Returns the shape of what exists. Tags cost nothing and stay, so it leaves them out.
pub(super) fn shape(lab: &Lab, inventory: &Inventory) -> Result<Shape, SweepError> {
    // Names hold a part of the cluster's UUID, which differs from cloud to cloud.
    let uuid = uuid(lab)?;
    let part = uuid.split('-').next().unwrap_or_default().to_owned();
    let value = serde_json::to_value(inventory)
        .map_err(|error| SweepError::broken(format!("the inventory: {error}")))?;
    let mut shape = Shape::new();
    for (kind, list) in &inventory.gcp {
        for one in list {
            let name = gke_check::name(kind, one).replace(&part, "*");
            *shape.entry(format!("gcp {kind}")).or_default().entry(name).or_default() += 1;
        }
    }
    // Machines put their reports into the bucket, when they come to it.
    let count_objects = inventory.droplets.is_empty();
    for (kind, list) in value.as_object().into_iter().flatten() {
        if kind == "tags" {
            continue;
        }
        for one in list.as_array().into_iter().flatten() {
            if one["default"] == true {
                continue;
            }
            let mut name = name(kind, one).replace(&part, "*");
            if kind == "buckets" && count_objects {
                name = format!("{name} with {} objects", one["objects"]);
            }
            *shape.entry(kind.clone()).or_default().entry(name).or_default() += 1;
        }
    }
    Ok(shape)
}

fn name(kind: &str, one: &Value) -> String {
    let name = one["name"].as_str().unwrap_or_default();
    match kind {
        // A rotation that is begun again after it had ended is one more generation.
        "droplets" => name.split("-g").next().unwrap_or(name).to_owned(),
        // It ends in a part that is drawn once for each cluster.
        "buckets" => name.rsplit_once('-').map_or(name, |(name, _)| name).to_owned(),
        "volumes" => name.split('-').next().unwrap_or(name).to_owned(),
        "records" => format!("{} {} {}", one["type"], name, one["ttl"]),
        "firewalls" => format!("{name} with {} rules", one["rules"]),
        _ => name.to_owned(),
    }
}

/// Looks at everything: the cloud holds what an undisturbed run leaves, none of it twice, all of it
/// owned; the record says the same with no open intents; nothing is left to plan. On Google Cloud the cluster is
/// deleted then, and the project must be empty.
///
/// # Errors
/// Returns [`SweepError::Broken`] if a promise does not hold, and says which one.
pub fn check(lab: &Lab, scenario: &Scenario, wanted: &Shape) -> Result<(), SweepError> {
    look(lab, scenario, wanted)?;
    leaves_nothing(lab)
}

/// Looks at everything, and leaves it as it is.
pub(super) fn look(lab: &Lab, scenario: &Scenario, wanted: &Shape) -> Result<(), SweepError> {
    let (inventory, found) = settled(lab, |found| found == wanted)?;
    if found != *wanted {
        return Err(SweepError::broken(format!(
            "the cloud does not hold what it should:\nfound  {found:?}\nwanted {wanted:?}"
        )));
    }
    owned(lab, &inventory)?;
    recorded(lab, &inventory)?;
    if scenario.completes() {
        lab.must(&["plan", "--detailed-exitcode"])?;
    }
    Ok(())
}

/// Looks until the shape is good. What GKE and Kubernetes do of their own accord takes its time: a machine's repair,
/// an upgrade of nodes, a load balancer that is taken apart. Elsewhere the first look counts.
pub(super) fn settled(
    lab: &Lab,
    mut is_good: impl FnMut(&Shape) -> bool,
) -> Result<(Inventory, Shape), SweepError> {
    let began = Instant::now();
    loop {
        let inventory = lab.inventory()?;
        let found = shape(lab, &inventory)?;
        let is_own = lab.tools.provider == Provider::Do;
        if is_own || is_good(&found) || began.elapsed() > BY_ITSELF {
            return Ok((inventory, found));
        }
        std::thread::sleep(LOOK);
    }
}

/// Looks until two looks at a cloud that goes on by itself are the same.
pub(super) fn at_rest(lab: &Lab) -> Result<Shape, SweepError> {
    const LOOKS: usize = 8;
    let (mut last, mut same) = (Shape::new(), 0);
    let is_good = |found: &Shape| {
        same = if *found == last { same + 1 } else { 0 };
        last.clone_from(found);
        same >= LOOKS
    };
    Ok(settled(lab, is_good)?.1)
}

/// Waits until GKE has ended what it does to a pool, as an error of infra asks for.
pub(super) fn rested(lab: &Lab) -> Result<(), SweepError> {
    let rests = |shape: &Shape| {
        let mut pools = shape.get("gcp nodePools").into_iter().flatten();
        pools.all(|(name, _)| !name.contains("RECONCILING"))
    };
    settled(lab, rests).map(drop)
}

/// On Google Cloud, deletes the cluster, and checks that the project is empty then: nothing was made that nobody
/// knows.
pub(super) fn leaves_nothing(lab: &Lab) -> Result<(), SweepError> {
    if lab.tools.provider == Provider::Do {
        return Ok(());
    }
    lab.must(&["destroy", "--yes"])?;
    let inventory = lab.inventory()?;
    if !inventory.is_empty() {
        return Err(SweepError::broken(format!("destroy leaves {:?}", inventory.gcp)));
    }
    Ok(())
}

/// Reads the cluster's UUID.
fn uuid(lab: &Lab) -> Result<String, SweepError> {
    let path = lab.file(".infra").join(CLUSTER).join("identity.json");
    let text = std::fs::read_to_string(&path).map_err(SweepError::io(&path))?;
    let identity: Value = serde_json::from_str(&text)
        .map_err(|error| SweepError::broken(format!("identity.json: {error}")))?;
    Ok(identity["uuid"].as_str().unwrap_or_default().to_owned())
}

/// Checks that every machine carries the owner's tag.
fn owned(lab: &Lab, inventory: &Inventory) -> Result<(), SweepError> {
    let owner = format!("infra:{}", uuid(lab)?);
    for droplet in &inventory.droplets {
        let tags: Vec<&str> =
            droplet["tags"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if !tags.contains(&owner.as_str()) {
            return Err(SweepError::broken(format!("{} is not owned: {tags:?}", droplet["name"])));
        }
    }
    gke_check::owned(&inventory.gcp, &uuid(lab)?)
}

/// Checks that the record's ids are the cloud's ids, and that no intent is left open.
fn recorded(lab: &Lab, inventory: &Inventory) -> Result<(), SweepError> {
    let record = lab.json(&["state", "list", "--json"])?;
    let empty = |value: &Value| {
        value.as_object().is_none_or(serde_json::Map::is_empty)
            && value.as_array().is_none_or(Vec::is_empty)
    };
    if !empty(&record["intents"]) {
        return Err(SweepError::broken(format!("open intents are left: {}", record["intents"])));
    }
    if lab.tools.provider == Provider::Gcp {
        return gke_check::recorded(&inventory.gcp, &record["resources"]);
    }
    let inventory = serde_json::to_value(inventory)
        .map_err(|error| SweepError::broken(format!("the inventory: {error}")))?;
    for (kind, list, key) in RECORDED {
        let in_cloud: BTreeSet<String> = inventory[list]
            .as_array()
            .into_iter()
            .flatten()
            .filter(|one| !unrecorded(list, one) && one["default"] != true)
            .map(|one| plain(&one[key]))
            .collect();
        let in_record: BTreeSet<String> = record["resources"]
            .as_object()
            .into_iter()
            .flatten()
            .filter(|(address, _)| address.split('.').next() == Some(kind))
            .map(|(_, one)| plain(&one["id"]))
            .collect();
        if in_cloud != in_record {
            return Err(SweepError::broken(format!(
                "the record is not the cloud: {list} {in_cloud:?}, recorded {in_record:?}"
            )));
        }
    }
    Ok(())
}

fn plain(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

/// Returns true for what the record does not hold. Kubernetes makes and deletes the load balancer
/// of the ingress and the disks of claims; TXT records are marks of the records beside them.
fn unrecorded(list: &str, one: &Value) -> bool {
    let name = one["name"].as_str().unwrap_or_default();
    match list {
        "load_balancers" => name.contains("ingress"),
        "volumes" => name.starts_with("pvc-"),
        "records" => one["type"] == "TXT",
        _ => false,
    }
}
