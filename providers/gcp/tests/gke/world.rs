//! One project: clusters with their pools, operations, and the groups of machines behind pools.

use std::collections::{BTreeMap, VecDeque};

use serde_json::{Value, json};

pub fn project() -> &'static str {
    "shop-1"
}

pub const CLUSTER: &str = "projects/shop-1/locations/europe-west3/clusters/shop";

/// A group of machines.
#[derive(Clone, Debug)]
pub struct Group {
    pub zone: String,
    pub name: String,
    /// Its machines, with what is done to each.
    pub machines: Vec<(String, String)>,
}

/// A refusal that is given once.
pub struct Refusal {
    /// `METHOD path`, of which the end is enough.
    pub call: String,
    pub status: u16,
    pub body: Value,
}

#[derive(Default)]
pub struct World {
    pub clusters: BTreeMap<String, Value>,
    /// Operations, and how often each is asked for until it is done.
    pub operations: BTreeMap<String, (Value, u32)>,
    pub groups: Vec<Group>,
    pub refusals: VecDeque<Refusal>,
    pub missing_zones: Vec<String>,
    /// Every call: `METHOD path`.
    pub asked: Vec<String>,
    /// Bodies of effects.
    pub bodies: Vec<Value>,
    /// How long operations last from now on.
    pub lasts: u32,
    /// How many operations there ever were.
    begun: usize,
}

type Answer = (u16, Value);

fn refusal(code: u16, status: &str, message: &str) -> Answer {
    (code, json!({"error": {"code": code, "status": status, "message": message}}))
}

/// The refusal of GKE while it is at something else.
pub fn busy() -> Value {
    json!({"error": {
        "code": 400, "status": "FAILED_PRECONDITION", "message": "the cluster has an operation",
        "details": [{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "CLUSTER_ALREADY_HAS_OPERATION", "domain": "container.googleapis.com",
        }],
    }})
}

fn number(value: &Value) -> usize {
    value.as_u64().and_then(|number| usize::try_from(number).ok()).unwrap_or_default()
}

impl World {
    pub fn answer(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        let call = format!("{method} {path}");
        self.asked.push(call.clone());
        if method != "GET" {
            self.bodies.push(body.clone());
        }
        let refused = self.refusals.front().is_some_and(|one| call.ends_with(&one.call));
        if refused && let Some(refusal) = self.refusals.pop_front() {
            return (refusal.status, refusal.body);
        }
        if let Some(rest) = path.strip_prefix("/compute/v1/projects/shop-1") {
            return self.compute(method, rest.trim_start_matches('/'), body);
        }
        let path = path.trim_start_matches("/v1/");
        let (path, verb) = path.split_once(':').unwrap_or((path, ""));
        if let Some((_, name)) = path.split_once("/operations/") {
            return self.operation(name);
        }
        if path.ends_with("/operations") {
            let all: Vec<&Value> = self.operations.values().map(|(value, _)| value).collect();
            return (200, json!({"operations": all}));
        }
        if path.ends_with("/serverConfig") {
            return (200, server_config());
        }
        if let Some(parent) = path.strip_suffix("/clusters") {
            return self.clusters(method, parent, body);
        }
        match path.split_once("/nodePools") {
            None => self.cluster(method, path, verb, body),
            Some((cluster, "")) => self.new_pool(cluster, body),
            Some((cluster, pool)) => self.pool(method, cluster, &pool[1..], verb, body),
        }
    }

    /// Begins an operation on what `target` leads to.
    pub fn begin(&mut self, kind: &str, target: &str) -> Value {
        self.begun += 1;
        let name = format!("operation-{}", self.begun);
        let operation = json!({
            "name": name, "operationType": kind, "status": "RUNNING",
            "targetLink": format!("https://container.googleapis.com/v1/{target}"),
        });
        self.operations.insert(name, (operation.clone(), self.lasts));
        operation
    }

    fn operation(&mut self, name: &str) -> Answer {
        let Some((operation, left)) = self.operations.get_mut(name) else {
            return refusal(404, "NOT_FOUND", "no operation");
        };
        match left.checked_sub(1) {
            Some(less) => *left = less,
            None => operation["status"] = json!("DONE"),
        }
        (200, operation.clone())
    }

    fn clusters(&mut self, method: &str, parent: &str, body: &Value) -> Answer {
        if method == "GET" {
            let all: Vec<&Value> = self.clusters.values().collect();
            return (200, json!({"clusters": all, "missingZones": self.missing_zones}));
        }
        let mut cluster = body["cluster"].clone();
        let name = cluster["name"].as_str().unwrap().to_owned();
        let path = format!("{parent}/clusters/{name}");
        if self.clusters.contains_key(&path) {
            return refusal(409, "ALREADY_EXISTS", "Already exists");
        }
        let location = parent.rsplit('/').next().unwrap();
        cluster["location"] = json!(location);
        cluster["status"] = json!("PROVISIONING");
        cluster["labelFingerprint"] = json!("f1");
        for field in ["network", "subnetwork"] {
            cluster["networkConfig"][field] = cluster[field].clone();
        }
        let pools = cluster["nodePools"].as_array().cloned().unwrap_or_default();
        cluster["nodePools"] = json!([]);
        self.clusters.insert(path.clone(), cluster);
        for pool in pools {
            self.add_pool(&path, pool);
        }
        (200, self.begin("CREATE_CLUSTER", &path))
    }

    /// Makes a cluster ready.
    pub fn ready(&mut self, path: &str) {
        self.operations.clear();
        let cluster = self.clusters.get_mut(path).unwrap();
        cluster["status"] = json!("RUNNING");
        cluster["endpoint"] = json!("203.0.113.9");
        cluster["masterAuth"] = json!({"clusterCaCertificate": "LS0tLS1CRUdJTg=="});
        let version = cluster["initialClusterVersion"].as_str().unwrap_or("1.36.2").to_owned();
        cluster["currentMasterVersion"] = json!(format!("{version}-gke.100"));
        for pool in cluster["nodePools"].as_array_mut().unwrap() {
            pool["status"] = json!("RUNNING");
        }
    }

    fn cluster(&mut self, method: &str, path: &str, verb: &str, body: &Value) -> Answer {
        let Some(cluster) = self.clusters.get_mut(path) else {
            return refusal(404, "NOT_FOUND", "Not found");
        };
        if method == "GET" {
            return (200, cluster.clone());
        }
        if method == "DELETE" {
            cluster["status"] = json!("STOPPING");
            return (200, self.begin("DELETE_CLUSTER", path));
        }
        if verb == "setResourceLabels" {
            if body["labelFingerprint"] != cluster["labelFingerprint"] {
                return refusal(409, "ABORTED", "label fingerprint");
            }
            cluster["resourceLabels"] = body["resourceLabels"].clone();
            return (200, self.begin("SET_LABELS", path));
        }
        let update = &body["update"];
        if let Some(version) = update["desiredMasterVersion"].as_str() {
            cluster["currentMasterVersion"] = json!(format!("{version}-gke.7"));
        }
        if let Some(channel) = update.get("desiredReleaseChannel") {
            cluster["releaseChannel"] = channel.clone();
        }
        (200, self.begin("UPDATE_CLUSTER", path))
    }

    fn pools(&mut self, cluster: &str) -> &mut Vec<Value> {
        let cluster = self.clusters.get_mut(cluster).unwrap();
        cluster["nodePools"].as_array_mut().unwrap()
    }

    fn add_pool(&mut self, cluster: &str, mut pool: Value) {
        let name = pool["name"].as_str().unwrap().to_owned();
        let each = number(&pool["initialNodeCount"]);
        let zones = pool["locations"].as_array().cloned().unwrap_or_default();
        let mut urls = Vec::new();
        for zone in zones {
            let zone = zone.as_str().unwrap();
            let letter = zone.rsplit('-').next().unwrap();
            let group = format!("gke-shop-{name}-0000000{letter}-grp");
            urls.push(format!(
                "https://www.googleapis.com/compute/v1/projects/shop-1/zones/{zone}/instanceGroupManagers/{group}"
            ));
            self.groups.push(Group { zone: zone.to_owned(), name: group, machines: Vec::new() });
            self.groups.last_mut().unwrap().resize(each);
        }
        pool["instanceGroupUrls"] = json!(urls);
        pool["status"] = json!("PROVISIONING");
        self.pools(cluster).push(pool);
    }

    fn new_pool(&mut self, cluster: &str, body: &Value) -> Answer {
        let pool = body["nodePool"].clone();
        if self.pools(cluster).iter().any(|one| one["name"] == pool["name"]) {
            return refusal(409, "ALREADY_EXISTS", "Already exists");
        }
        let target = format!("{cluster}/nodePools/{}", pool["name"].as_str().unwrap());
        self.add_pool(cluster, pool);
        (200, self.begin("CREATE_NODE_POOL", &target))
    }

    fn pool(
        &mut self,
        method: &str,
        cluster: &str,
        name: &str,
        verb: &str,
        body: &Value,
    ) -> Answer {
        let target = format!("{cluster}/nodePools/{name}");
        if !self.clusters.contains_key(cluster) {
            return refusal(404, "NOT_FOUND", "Not found");
        }
        let groups: Vec<usize> = (0..self.groups.len())
            .filter(|at| self.groups[*at].name.starts_with(&format!("gke-shop-{name}-0")))
            .collect();
        let Some(pool) = self.pools(cluster).iter_mut().find(|one| one["name"] == name) else {
            return refusal(404, "NOT_FOUND", "Not found");
        };
        match (method, verb) {
            ("GET", _) => return (200, pool.clone()),
            ("DELETE", _) => pool["status"] = json!("STOPPING"),
            (_, "setAutoscaling") => pool["autoscaling"] = body["autoscaling"].clone(),
            (_, "setSize") => {
                let each = number(&body["nodeCount"]);
                for at in groups {
                    self.groups[at].resize(each);
                }
            }
            _ => {
                if let Some(labels) = body["labels"].get("labels") {
                    pool["config"]["labels"] = labels.clone();
                }
                if let Some(taints) = body["taints"].get("taints") {
                    pool["config"]["taints"] = taints.clone();
                }
            }
        }
        (200, self.begin("UPDATE_POOL", &target))
    }

    fn compute(&mut self, method: &str, path: &str, body: &Value) -> Answer {
        match path.split('/').collect::<Vec<_>>().as_slice() {
            [""] => (200, json!({"name": "shop-1"})),
            ["regions", "europe-west3"] => (200, region()),
            ["regions", _] => refusal(404, "NOT_FOUND", "no region"),
            ["zones"] => (200, json!({"items": zones()})),
            ["zones", _, "operations", ..] => (200, json!({"name": "op", "status": "DONE"})),
            ["aggregated", "instanceGroupManagers"] => {
                aggregated(path, self.groups.iter().map(Group::wire))
            }
            ["aggregated", "instances"] => {
                let machines = self.groups.iter().flat_map(Group::machines_wire);
                aggregated(path, machines)
            }
            ["aggregated", "machineTypes"] => machine_types(),
            ["zones", zone, "instanceGroupManagers", name, verb] => {
                assert_eq!(method, "POST");
                let mut groups = self.groups.iter_mut();
                match groups.find(|group| group.zone == *zone && group.name == *name) {
                    Some(group) => group.call(verb, body),
                    None => refusal(404, "NOT_FOUND", "no group"),
                }
            }
            _ => refusal(404, "NOT_FOUND", path),
        }
    }
}

impl Group {
    fn base(&self) -> &str {
        self.name.trim_end_matches("-grp")
    }

    fn resize(&mut self, size: usize) {
        while self.machines.len() < size {
            let name = format!("{}-m{:03}", self.base(), self.machines.len());
            self.machines.push((name, "NONE".to_owned()));
        }
        self.machines.truncate(size);
    }

    fn zone_link(&self) -> String {
        format!("https://www.googleapis.com/compute/v1/projects/shop-1/zones/{}", self.zone)
    }

    fn wire(&self) -> (String, Value) {
        let creating = self.machines.iter().filter(|(_, action)| action == "CREATING").count();
        let stays = self.machines.iter().filter(|(_, action)| action != "DELETING").count();
        let wire = json!({
            "name": self.name, "zone": self.zone_link(), "baseInstanceName": self.base(),
            "targetSize": stays,
            "currentActions": {"none": stays - creating, "creating": creating},
        });
        (format!("zones/{}", self.zone), wire)
    }

    fn machines_wire(&self) -> Vec<(String, Value)> {
        let there = self.machines.iter().filter(|(_, action)| action != "CREATING");
        let wire = |(name, _): &(String, String)| {
            let wire = json!({
                "name": name, "zone": self.zone_link(), "status": "RUNNING",
                "creationTimestamp": "2026-11-30T10:00:00.000-08:00",
            });
            (format!("zones/{}", self.zone), wire)
        };
        there.map(wire).collect()
    }

    fn call(&mut self, verb: &str, body: &Value) -> Answer {
        let instances = body["instances"].as_array().cloned().unwrap_or_default();
        match verb {
            "listManagedInstances" => {
                let link = |name: &str| format!("{}/instances/{name}", self.zone_link());
                let wire = |(name, action): &(String, String)| {
                    let status = if action == "CREATING" { "" } else { "RUNNING" };
                    json!({"instance": link(name), "instanceStatus": status, "currentAction": action})
                };
                let all: Vec<Value> = self.machines.iter().map(wire).collect();
                return (200, json!({"managedInstances": all}));
            }
            "createInstances" => {
                for one in instances {
                    let name = one["name"].as_str().unwrap().to_owned();
                    assert!(!self.machines.iter().any(|(is, _)| *is == name), "{name} twice");
                    self.machines.push((name, "CREATING".to_owned()));
                }
            }
            "deleteInstances" => {
                for one in instances {
                    let name = one.as_str().unwrap().rsplit('/').next().unwrap().to_owned();
                    let found = self.machines.iter_mut().find(|(is, _)| *is == name);
                    found.unwrap().1 = "DELETING".to_owned();
                }
            }
            other => return refusal(400, "INVALID_ARGUMENT", other),
        }
        (200, json!({"name": "op", "status": "RUNNING", "zone": self.zone_link()}))
    }
}

/// Puts items of zones into the form of aggregated lists.
fn aggregated(path: &str, items: impl Iterator<Item = (String, Value)>) -> Answer {
    let field = path.rsplit('/').next().unwrap();
    let mut zones: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (zone, item) in items {
        zones.entry(zone).or_default().push(item);
    }
    let zones: BTreeMap<String, Value> =
        zones.into_iter().map(|(zone, items)| (zone, json!({field: items}))).collect();
    (200, json!({"items": zones}))
}

fn zones() -> [Value; 3] {
    ["a", "b", "c"].map(|letter| {
        json!({
            "name": format!("europe-west3-{letter}"), "status": "UP",
            "region": "https://www.googleapis.com/compute/v1/projects/shop-1/regions/europe-west3",
        })
    })
}

fn region() -> Value {
    let quota = |metric: &str, limit: f64, usage: f64| json!({"metric": metric, "limit": limit, "usage": usage});
    json!({"name": "europe-west3", "quotas": [
        quota("CPUS", 24.0, 4.0), quota("N2_CPUS", 0.0, 0.0), quota("N4_CPUS", 8.0, 0.0),
        quota("SSD_TOTAL_GB", 500.0, 0.0), quota("IN_USE_ADDRESSES", 8.0, 0.0),
    ]})
}

fn machine_types() -> Answer {
    let of = |zone: &str, name: &str, cpus: u32| {
        (format!("zones/{zone}"), json!({"name": name, "zone": zone, "guestCpus": cpus}))
    };
    let all = ["a", "b", "c"].into_iter().flat_map(|letter| {
        let zone = format!("europe-west3-{letter}");
        let mut types = vec![of(&zone, "e2-medium", 2), of(&zone, "e2-standard-4", 4)];
        if letter != "c" {
            types.push(of(&zone, "n4-standard-4", 4));
        }
        types
    });
    aggregated("aggregated/machineTypes", all)
}

fn server_config() -> Value {
    let versions = ["1.37.1-gke.5", "1.36.5-gke.9", "1.36.2-gke.100", "1.35.9-gke.3"];
    json!({
        "validMasterVersions": versions,
        "validImageTypes": ["COS_CONTAINERD", "UBUNTU_CONTAINERD"],
        "channels": [{"channel": "REGULAR", "validVersions": versions}],
    })
}
