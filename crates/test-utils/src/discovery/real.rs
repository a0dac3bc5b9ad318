//! The judge against the vendor's own documents, where they are there: shapes as GKE, Compute Engine and
//! Cloud DNS are known to answer.

use serde_json::{Value, json};

use super::{APIS, Discovery, Exchange};

fn documents() -> Option<&'static Discovery> {
    let found = Discovery::find();
    if found.is_none() {
        eprintln!(
            "\n*** SKIPPED: no discovery documents; set INFRA_DISCOVERY to their folder or install google-api-python-client ***\n"
        );
    }
    found
}

#[track_caller]
fn assert_said(documents: &Discovery, call: &Exchange, parts: &[&str]) {
    let said = documents.check(call);
    let all = said.join("\n");
    assert_eq!(said.len(), parts.len(), "{all}");
    for part in parts {
        assert!(all.contains(part), "{part:?} is not in\n{all}");
    }
}

#[test]
fn the_calls_of_infra_are_methods_of_the_documents() {
    let Some(documents) = documents() else { return };
    let (clusters, compute) =
        ("/v1/projects/p/locations/eu-west3/clusters", "/compute/v1/projects/p");
    let igm = format!("{compute}/zones/z/instanceGroupManagers/m");
    for (verb, path, id) in [
        (
            "GET",
            "/v1/projects/p/locations/-/clusters",
            "container.projects.locations.clusters.list",
        ),
        ("PUT", &format!("{clusters}/c"), "container.projects.locations.clusters.update"),
        (
            "POST",
            &format!("{clusters}/c:setResourceLabels"),
            "container.projects.locations.clusters.setResourceLabels",
        ),
        (
            "POST",
            &format!("{clusters}/c/nodePools/n:setSize"),
            "container.projects.locations.clusters.nodePools.setSize",
        ),
        (
            "GET",
            "/v1/projects/p/locations/l/operations/o",
            "container.projects.locations.operations.get",
        ),
        (
            "GET",
            "/v1/projects/p/locations/l/serverConfig",
            "container.projects.locations.getServerConfig",
        ),
        ("GET", compute, "compute.projects.get"),
        (
            "GET",
            &format!("{compute}/aggregated/machineTypes"),
            "compute.machineTypes.aggregatedList",
        ),
        (
            "POST",
            &format!("{igm}/createInstances"),
            "compute.instanceGroupManagers.createInstances",
        ),
        (
            "POST",
            &format!("{igm}/listManagedInstances"),
            "compute.instanceGroupManagers.listManagedInstances",
        ),
        ("PATCH", &format!("{compute}/regions/r/routers/x"), "compute.routers.patch"),
        ("POST", &format!("{compute}/zones/z/operations/o/wait"), "compute.zoneOperations.wait"),
        ("POST", "/dns/v1/projects/p/managedZones/z/changes", "dns.changes.create"),
        ("GET", "/dns/v1/projects/p/managedZones/z/rrsets", "dns.resourceRecordSets.list"),
        ("GET", "/v1/projects/p", "cloudresourcemanager.projects.get"),
        ("POST", "/v1/projects/p:setIamPolicy", "cloudresourcemanager.projects.setIamPolicy"),
        ("POST", "/v1/projects/p/serviceAccounts", "iam.projects.serviceAccounts.create"),
        (
            "GET",
            "/v1/projects/p/serviceAccounts/a%40p.iam.gserviceaccount.com",
            "iam.projects.serviceAccounts.get",
        ),
    ] {
        assert_eq!(documents.method(verb, path), Some(id), "{verb} {path}");
    }
    assert_eq!(documents.documents.len(), APIS.len());
    assert_eq!(documents.method("GET", "/v1/projects/p/locations/l/clusters/c:setSize"), None);
}

fn create_cluster(change: impl FnOnce(&mut Value)) -> Exchange {
    let mut body = json!({"cluster": {
        "name": "lab", "initialClusterVersion": "1.36.2", "network": "projects/p/global/networks/n",
        "ipAllocationPolicy": {"useIpAliases": true, "clusterSecondaryRangeName": "pods"},
        "releaseChannel": {"channel": 2}, "resourceLabels": {"infra-name": "gke_cluster-main"},
        "nodePools": [{"name": "worker", "initialNodeCount": 1,
            "config": {"machineType": "e2-standard-2", "diskSizeGb": 100, "labels": {"a": "b"},
                       "taints": [{"key": "k", "value": "v", "effect": 1}]},
            "upgradeSettings": {"maxSurge": 1, "strategy": 3}, "maxPodsConstraint": {"maxPodsPerNode": "110"}}],
    }});
    change(&mut body);
    let path = "/v1/projects/p/locations/europe-west3/clusters?%24alt=json%3Benum-encoding%3Dint";
    Exchange::new("POST", path).sent(body)
}

#[test]
fn a_cluster_is_created_with_numbers_for_enums() {
    let Some(documents) = documents() else { return };
    let operation = json!({"name": "operation-1", "operationType": 1, "status": 2, "zone": "europe-west3",
        "selfLink": "https://container.googleapis.com/v1/projects/1/locations/europe-west3/operations/operation-1",
        "targetLink": "https://container.googleapis.com/v1/projects/1/locations/europe-west3/clusters/lab",
        "startTime": "2024-04-01T12:34:56.123456Z",
        "progress": {"metrics": [{"name": "CLUSTER_CONFIGURING", "intValue": "8"}]}});
    let good = create_cluster(|_| {}).answered(200, operation.clone());
    assert_said(documents, &good, &[]);
    for (change, said) in [
        (
            (|body| body["cluster"]["nodePools"][0]["count"] = 1.into()) as fn(&mut Value),
            "request.cluster.nodePools[0].count: NodePool has no such field",
        ),
        (
            |body| body["cluster"]["nodePools"][0]["upgradeSettings"]["strategy"] = 1.into(),
            "1 is none of",
        ),
        (|body| body["cluster"]["releaseChannel"]["channel"] = "SLOW".into(), "`SLOW` is none of"),
        (
            |body| {
                body["cluster"]["nodePools"][0]["maxPodsConstraint"]["maxPodsPerNode"] = 110.into();
            },
            "maxPodsPerNode: 110 is not of type string",
        ),
        (|body| body["cluster"]["resourceLabels"]["x"] = 1.into(), "resourceLabels.x"),
    ] {
        assert_said(documents, &create_cluster(change), &[said]);
    }
    let named = json!({"name": "operation-1", "status": "RUNNING"});
    assert_said(
        documents,
        &create_cluster(|_| {}).answered(200, named),
        &["numbers are asked for"],
    );
}

#[test]
fn a_busy_cluster_is_refused_in_the_known_form() {
    let Some(documents) = documents() else { return };
    let path = "/v1/projects/p/locations/l/clusters/c/nodePools/n:setSize";
    let refused = json!({"error": {"code": 400, "status": "FAILED_PRECONDITION",
        "message": "Cluster is running incompatible operation operation-1.",
        "details": [{"@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": "CLUSTER_ALREADY_HAS_OPERATION", "domain": "container.googleapis.com"}]}});
    let call = Exchange::new("POST", path).sent(json!({"nodeCount": 2}));
    assert_said(documents, &call.clone().answered(400, refused), &[]);
    assert_said(documents, &call.answered(400, json!({"message": "no"})), &["answer.error"]);
}

#[test]
fn compute_engine_wants_names_and_fingerprints() {
    let Some(documents) = documents() else { return };
    let firewalls = "/compute/v1/projects/p-1/global/firewalls";
    let body = json!({"name": "lab-ssh", "network": "global/networks/lab", "direction": "INGRESS",
        "sourceRanges": ["203.0.113.0/24"], "allowed": [{"IPProtocol": "tcp", "ports": ["22"]}]});
    let insert = Exchange::new(
        "POST",
        &format!("{firewalls}?requestId=6a5b2c1e-0000-4000-8000-000000000001"),
    );
    let done = json!({"kind": "compute#operation", "id": "17", "name": "operation-2", "status": "RUNNING",
        "operationType": "insert", "progress": 0, "insertTime": "2024-04-01T12:34:56.123-07:00"});
    assert_said(documents, &insert.clone().sent(body.clone()).answered(200, done), &[]);
    let mut nameless = body.clone();
    nameless["name"] = "Lab".into();
    assert_said(
        documents,
        &insert.clone().sent(nameless),
        &["request.name: `Lab` is not of the pattern"],
    );
    let mut wrong = body;
    wrong["direction"] = 1.into();
    assert_said(documents, &insert.sent(wrong), &["request.direction: 1 is no name of an enum"]);
    let list = Exchange::new("GET", &format!("{firewalls}?maxResults=-1"));
    assert_said(documents, &list, &["maxResults"]);
    let list = format!("{firewalls}?fields=items(id,name),nextPageToken&filter=name%20eq%20lab.*");
    let list = Exchange::new("GET", &list);
    assert_said(
        documents,
        &list.clone().answered(200, json!({"items": [{"id": "1", "name": "a"}]})),
        &[],
    );
    assert_said(
        documents,
        &list.answered(200, json!({"items": [{"id": 1}]})),
        &["answer.items[0].id"],
    );
}

#[test]
fn dns_changes_and_the_policy_of_a_project_are_known() {
    let Some(documents) = documents() else { return };
    let record = |ttl: Value| json!({"name": "a.shop.example.", "type": "A", "ttl": ttl, "rrdatas": ["203.0.113.7"]});
    let changes = Exchange::new("POST", "/dns/v1/projects/p/managedZones/z/changes");
    let body = json!({"additions": [record(json!(300))], "deletions": []});
    let made = json!({"kind": "dns#change", "id": "4", "status": "pending",
        "startTime": "2024-04-01T12:34:56.123Z", "additions": [record(json!(300))]});
    assert_said(documents, &changes.clone().sent(body).answered(200, made), &[]);
    let wrong = json!({"additions": [record(json!("300"))]});
    assert_said(documents, &changes.sent(wrong), &["request.additions[0].ttl"]);
    let delete = Exchange::new("DELETE", "/dns/v1/projects/p/managedZones/z");
    assert_said(documents, &delete.answered(204, Value::Null), &[]);

    let policy = json!({"version": 3, "etag": "BwXhqDVJ9e0=", "bindings": [
        {"role": "roles/container.defaultNodeServiceAccount", "members": ["serviceAccount:a@p.example"]}]});
    let set = Exchange::new("POST", "/v1/projects/p:setIamPolicy").sent(json!({"policy": policy}));
    assert_said(documents, &set.clone().answered(200, policy), &[]);
    assert_said(documents, &set.answered(200, json!({"etag": "not base 64"})), &["answer.etag"]);
}
