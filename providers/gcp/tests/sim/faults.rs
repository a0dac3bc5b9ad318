//! Answers that get lost after the effect, what GKE does of its own accord, and what a look costs.

use std::collections::BTreeMap;

use infra_provider_api::{Address, CreateRequest, ErrorKind, Kind, Observed, Provider, Readiness};
use serde_json::json;

use crate::{
    cloud::{Cloud, context, owner},
    cluster::{cluster, in_order, known_elsewhere, resolved},
    steps::{create_all, delete_all, kinds, list_all, ready, update},
};

/// Loses the answer to the `number`-th call from now that makes something.
async fn lose(cloud: &Cloud, number: u32) {
    cloud.raw("DELETE", "/sim/faults", None).await;
    let fault = json!({
        "api": "gcp", "method": "POST", "effect": "reset_after", "count": 1, "after": number,
    });
    cloud.raw("POST", "/sim/faults", Some(fault)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_whose_answer_is_lost_is_found_again() {
    let cloud = Cloud::start().await;
    let wanted = cluster();
    let provider = cloud.provider(&wanted).await;
    let owner = owner();
    let (cx, all) = (context(&owner), kinds(&provider));
    let declared = in_order(provider.model(&wanted, &owner).unwrap());
    list_all(&cx, &all).await;
    let (mut known, mut lost) = (known_elsewhere(), 0);
    for declared in &declared {
        let kind = &all[declared.address.kind()];
        let request = CreateRequest {
            address: declared.address.clone(),
            spec: resolved(declared, &known),
            intent_key: owner.intent_key(&declared.address, 1),
        };
        for number in 0..4 {
            lose(&cloud, number).await;
            match kind.create(&cx, std::slice::from_ref(&request)).await.pop().unwrap() {
                Ok(_) => break,
                Err(error) => {
                    assert!(error.is_uncertain(), "{error}");
                    lost += 1;
                }
            }
        }
        cloud.raw("DELETE", "/sim/faults", None).await;
        let made = kind.create(&cx, std::slice::from_ref(&request)).await.pop().unwrap();
        let seen = ready(&cx, kind.as_ref(), made.unwrap()).await;
        known.insert(declared.address.clone(), seen.outputs);
    }
    assert!(lost > 3, "{lost}");
    let mut counts: BTreeMap<Address, usize> = BTreeMap::new();
    for observed in list_all(&cx, &all).await {
        *counts.entry(observed.address).or_default() += 1;
    }
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    assert!(declared.iter().all(|one| counts.contains_key(&one.address)), "{counts:?}");
    delete_all(&cx, &all).await;
    cloud.stop().await;
}

async fn find(cx: &infra_provider_api::Context, kind: &dyn Kind, name: &str) -> Observed {
    let found = kind.list_owned(cx).await.unwrap();
    found.into_iter().find(|one| one.address.name() == name).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_gke_does_by_itself_is_no_difference_and_no_obstacle() {
    let cloud = Cloud::start().await;
    let wanted = cluster();
    let provider = cloud.provider(&wanted).await;
    let owner = owner();
    let (cx, all) = (context(&owner), kinds(&provider));
    let declared = in_order(provider.model(&wanted, &owner).unwrap());
    create_all(&cx, &all, &declared).await;
    let (gke, pools) = (all["gke_cluster"].as_ref(), all["node_pool"].as_ref());
    let before = find(&cx, gke, "main").await;

    // The channel moves the control plane.
    let fault = json!({"effect": "moves_master", "machine_glob": "shop", "count": 1});
    cloud.raw("POST", "/sim/faults", Some(fault)).await;
    let moved = async {
        loop {
            let now = gke.poll(&cx, std::slice::from_ref(&before.id)).await.unwrap().remove(0);
            if now.outputs.text("version") != before.outputs.text("version")
                && now.readiness == Readiness::Ready
            {
                return now;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let moved = tokio::time::timeout(std::time::Duration::from_secs(30), moved).await.unwrap();
    assert_eq!(moved.spec, before.spec);

    // GKE replaces nodes of a pool, and a change waits for it.
    let fault = json!({"effect": "upgrades_pool", "machine_glob": "shop/worker", "count": 1});
    cloud.raw("POST", "/sim/faults", Some(fault)).await;
    let worker = find(&cx, pools, "worker").await;
    let busy = async {
        loop {
            let now = pools.poll(&cx, std::slice::from_ref(&worker.id)).await.unwrap().remove(0);
            if let Readiness::Pending { reason } = now.readiness {
                return reason;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    let reason = tokio::time::timeout(std::time::Duration::from_secs(30), busy).await.unwrap();
    assert!(reason.contains("AUTO_UPGRADE_NODES"), "{reason}");
    update(&cx, pools, &worker, "labels", json!({"tier": "web"})).await;

    // The autoscaler's choice is no difference.
    let batch = find(&cx, pools, "batch").await;
    let fault = json!({"effect": "scales_up", "machine_glob": "shop/batch", "count": 1});
    cloud.raw("POST", "/sim/faults", Some(fault)).await;
    let scaled = async {
        loop {
            let now = pools.poll(&cx, std::slice::from_ref(&batch.id)).await.unwrap().remove(0);
            if now.outputs.get("size") == Some(json!(3)) {
                return now;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    };
    let scaled = tokio::time::timeout(std::time::Duration::from_secs(30), scaled).await.unwrap();
    assert_eq!(scaled.spec, batch.spec);

    // A list that lacks a zone is no absence.
    let fault = json!({"effect": "missing_zones", "api": "gcp"});
    cloud.raw("POST", "/sim/faults", Some(fault)).await;
    for kind in ["gke_cluster", "node_pool", "instance"] {
        let error = kinds(&cloud.provider(&wanted).await)[kind].list_owned(&cx).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unavailable, "{kind}");
    }
    cloud.raw("DELETE", "/sim/faults", None).await;
    delete_all(&cx, &all).await;
    cloud.stop().await;
}

/// Whatever the size, and with all kinds side by side as the engine lists them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_takes_few_calls() {
    let cloud = Cloud::start().await;
    let mut wanted = cluster();
    wanted.pools[1].nodes = (1..=8)
        .map(|number| infra_provider_api::NodeSlot {
            slot: format!("worker-{number}"),
            generation: 1,
            revision: String::new(),
        })
        .collect();
    let provider = cloud.provider(&wanted).await;
    let owner = owner();
    let (cx, all) = (context(&owner), kinds(&provider));
    let declared = in_order(provider.model(&wanted, &owner).unwrap());
    create_all(&cx, &all, &declared).await;

    let other = cloud.provider(&wanted).await;
    let before = calls(&cloud).await;
    let looks = kinds(&other).into_values();
    let cx = &cx;
    let looks = looks.map(|kind| async move { kind.list_owned(cx).await.unwrap().len() });
    let seen: usize = futures::future::join_all(looks).await.into_iter().sum();
    assert_eq!(seen, declared.len() + 10);
    assert_eq!(other.preflight(cx, &wanted, &[]).await.unwrap(), []);
    let after = calls(&cloud).await;
    let new: Vec<String> = after
        .iter()
        .filter_map(|(call, count)| {
            let more = count - before.get(call).copied().unwrap_or_default();
            (more > 0).then(|| format!("{more} {call}"))
        })
        .collect();
    let total: u64 =
        new.iter().filter_map(|line| line.split(' ').next()?.parse::<u64>().ok()).sum();
    assert_eq!(total, 15, "{new:#?}");
    delete_all(cx, &all).await;
    cloud.stop().await;
}

async fn calls(cloud: &Cloud) -> BTreeMap<String, u64> {
    serde_json::from_value(cloud.raw("GET", "/sim/stats", None).await).unwrap()
}
