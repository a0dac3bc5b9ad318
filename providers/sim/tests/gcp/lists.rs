//! Lists: pages, filters, partial answers, all scopes.

use serde_json::{Value, json};

use crate::harness::Harness;

async fn pools(h: &Harness) {
    for (region, name) in
        [("europe-west3", "a"), ("europe-west3", "b"), ("europe-west1", "c"), ("us-east1", "d")]
    {
        h.make(&format!("regions/{region}/targetPools"), json!({"name": name})).await;
    }
}

#[tokio::test]
async fn pages_and_filters() {
    let h = Harness::new().await;
    for name in ["a", "b", "c"] {
        h.network(name).await;
    }
    let mut names: Vec<Value> = Vec::new();
    let mut token = String::new();
    loop {
        let path = h.compute(&format!("global/networks?maxResults=2&pageToken={token}"));
        let page = h.get(&path).await.ok();
        assert_eq!(page["kind"], "compute#networkList");
        names.extend(page["items"].as_array().unwrap().iter().map(|n| n["name"].clone()));
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    assert_eq!(names, ["a", "b", "c"]);
    let filtered = h.compute("global/networks?filter=name%20eq%20%5Bab%5D&fields=items(name),kind");
    assert_eq!(
        h.get(&filtered).await.ok(),
        json!({"kind": "compute#networkList", "items": [{"name": "a"}, {"name": "b"}]})
    );
    let none = h.get(&h.compute("global/networks?filter=name%3Dx")).await.ok();
    assert!(none.get("items").is_none(), "{none}");
    h.get(&h.compute("global/networks?filter=name")).await.refused(400, "invalid");
    h.get(&h.compute("global/networks?maxResults=501")).await.refused(400, "invalid");
    h.get(&h.compute("global/networks?fields=a(")).await.refused(400, "invalidParameter");
}

#[tokio::test]
async fn all_scopes_in_pages() {
    let h = Harness::new().await;
    pools(&h).await;
    let all = h.get(&h.compute("aggregated/targetPools")).await.ok();
    assert_eq!(all["kind"], "compute#targetPoolAggregatedList");
    let items = all["items"].as_object().unwrap();
    assert_eq!(items["regions/europe-west3"]["targetPools"].as_array().unwrap().len(), 2);
    assert_eq!(items["regions/us-west1"]["warning"]["code"], "NO_RESULTS_ON_PAGE");
    let mut names: Vec<String> = Vec::new();
    let mut token = String::new();
    let mut pages = 0;
    loop {
        let path = h.compute(&format!("aggregated/targetPools?maxResults=1&pageToken={token}"));
        let page = h.get(&path).await.ok();
        pages += 1;
        for scope in page["items"].as_object().unwrap().values() {
            let pools = scope["targetPools"].as_array().into_iter().flatten();
            names.extend(pools.map(|p| p["name"].as_str().unwrap().to_owned()));
        }
        match page["nextPageToken"].as_str() {
            Some(next) => token = next.to_owned(),
            None => break,
        }
    }
    names.sort();
    assert_eq!((pages, names), (4, ["a", "b", "c", "d"].map(str::to_owned).to_vec()));
    let path = h.compute("aggregated/targetPools?fields=items/*/targetPools(name),nextPageToken");
    let cut = h.get(&path).await.ok();
    assert_eq!(cut["items"]["regions/us-east1"], json!({"targetPools": [{"name": "d"}]}));
}

#[tokio::test]
async fn what_is_missing_is_said() {
    let h = Harness::new().await;
    pools(&h).await;
    h.fault(json!({"effect": "missing_zones", "path_glob": "*aggregated*", "count": 1})).await;
    let path = h.compute("aggregated/targetPools");
    let lacking = h.get(&path).await.ok();
    assert_eq!(lacking["unreachables"], json!(["regions/europe-west1"]));
    assert_eq!(lacking["items"]["regions/europe-west1"]["warning"]["code"], "UNREACHABLE");
    assert!(h.get(&path).await.ok().get("unreachables").is_none());
}
