//! Subnets: ranges, secondary ranges, fingerprints.

use serde_json::json;

use crate::harness::{Harness, assert_paths};

const REGION: &str = "regions/europe-west3/subnetworks";

#[tokio::test]
async fn a_subnet_lives_as_at_google() {
    let h = Harness::new().await;
    h.network("n").await;
    let body = json!({
        "name": "s", "ipCidrRange": "10.2.0.0/16", "logConfig": {"enable": false},
        "network": format!("projects/{}/global/networks/n", h.project()),
    });
    let operation = h.post(&h.compute(REGION), body).await.ok();
    assert_eq!(operation["region"], h.link("regions/europe-west3"));
    h.wait(&operation).await;
    let path = h.compute(&format!("{REGION}/s"));
    let subnet = h.get(&path).await.ok();
    assert_paths(
        &subnet,
        "creationTimestamp fingerprint gatewayAddress id ipCidrRange kind logConfig logConfig.enable \
         name network privateIpGoogleAccess privateIpv6GoogleAccess purpose region selfLink stackType \
         state",
    );
    assert_eq!(subnet["gatewayAddress"], "10.2.0.1");
    assert_eq!(subnet["network"], h.link("global/networks/n"));
    assert_eq!(subnet["privateIpGoogleAccess"], false);
    let access = json!({"privateIpGoogleAccess": true});
    h.patch(&path, access.clone()).await.refused(412, "conditionNotMet");
    let mut access = access;
    access["fingerprint"] = subnet["fingerprint"].clone();
    let operation = h.patch(&path, access.clone()).await.ok();
    assert_eq!(operation["operationType"], "patch");
    h.wait(&operation).await;
    let after = h.get(&path).await.ok();
    assert_eq!(after["privateIpGoogleAccess"], true);
    assert_ne!(after["fingerprint"], subnet["fingerprint"]);
    h.patch(&path, access).await.refused(412, "conditionNotMet");
    h.remove(&path).await;
}

#[tokio::test]
async fn ranges_of_a_network_do_not_overlap() {
    let h = Harness::new().await;
    h.network("n").await;
    h.network("other").await;
    let subnet = |name: &str, network: &str, range: &str, pods: &str| {
        json!({
            "name": name, "network": format!("global/networks/{network}"), "ipCidrRange": range,
            "secondaryIpRanges": [{"rangeName": "pods", "ipCidrRange": pods}],
        })
    };
    let path = h.make(REGION, subnet("a", "n", "10.0.0.0/20", "10.4.0.0/14")).await;
    let all = h.compute(REGION);
    for (range, pods) in [
        ("10.0.8.0/24", "10.16.0.0/14"),
        ("10.5.0.0/20", "10.16.0.0/14"),
        ("10.1.0.0/20", "10.0.0.0/21"),
        ("10.1.0.0/20", "10.0.0.0/8"),
    ] {
        let error = h.post(&all, subnet("b", "n", range, pods)).await.refused(400, "invalid");
        assert!(error["message"].as_str().unwrap().contains("conflicts with"), "{error}");
    }
    for bad in ["10.1.0.1/20", "10.1.0.0/30", "10.1.0.0"] {
        h.post(&all, subnet("b", "n", bad, "10.16.0.0/14")).await.refused(400, "invalid");
    }
    // Another network may have the same addresses.
    h.make(REGION, subnet("c", "other", "10.0.0.0/20", "10.4.0.0/14")).await;
    let absent = subnet("d", "absent", "10.0.0.0/20", "10.4.0.0/14");
    h.post(&all, absent).await.refused(400, "invalid");
    // A range is added in place.
    let now = h.get(&path).await.ok();
    let mut ranges = now["secondaryIpRanges"].clone();
    let services = json!({"rangeName": "services", "ipCidrRange": "10.8.0.0/20"});
    ranges.as_array_mut().unwrap().push(services);
    let change = json!({"fingerprint": now["fingerprint"], "secondaryIpRanges": ranges});
    let operation = h.patch(&path, change).await.ok();
    h.wait(&operation).await;
    let after = h.get(&path).await.ok();
    assert_eq!(after["secondaryIpRanges"][1]["rangeName"], "services");
    let change = json!({"fingerprint": after["fingerprint"], "ipCidrRange": "10.0.0.0/19"});
    h.patch(&path, change).await.refused(400, "invalid");
}
