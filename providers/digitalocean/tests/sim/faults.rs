//! Answers that get lost after the effect, and how many calls a plan costs.

use std::collections::BTreeMap;

use infra_provider_api::{Address, Kind, NodeSlot, Provider};
use serde_json::{Value, json};

use crate::{
    cloud::{Cloud, context, owner},
    cluster::{cluster, in_order, known_elsewhere},
    shared::{create_all, kinds, list_all, ready, request},
};

/// Loses the answer to the `number`-th call from now that may have an effect.
async fn lose(cloud: &Cloud, api: &str, method: &str, number: u32) {
    cloud.raw("DELETE", "/sim/faults", None).await;
    let fault = json!({
        "api": api, "method": method, "effect": "reset_after", "count": 1, "after": number,
        "path_glob": if api == "digitalocean" { "/v2/*" } else { "*" },
    });
    cloud.raw("POST", "/sim/faults", Some(fault)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_create_whose_answer_is_lost_is_found_again() {
    let cloud = Cloud::start().await;
    let provider = cloud.provider(&cluster());
    let owner = owner(1);
    let (cx, all) = (context(&owner), kinds(&provider));
    let declared = in_order(provider.model(&cluster(), &owner).unwrap());
    list_all(&cx, &all).await;
    let (mut known, mut lost) = (known_elsewhere(), 0);
    for declared in &declared {
        let kind = &all[declared.address.kind()];
        let request = request(&cx, declared, &known);
        let (api, method) = match declared.address.kind() {
            "bucket" => ("s3", "PUT"),
            _ => ("digitalocean", "POST"),
        };
        // Each of the calls that make it loses its answer once.
        for number in 0..6 {
            lose(&cloud, api, method, number).await;
            match kind.create(&cx, std::slice::from_ref(&request)).await.pop().unwrap() {
                Ok(_) if number > 0 => break,
                Ok(found) => panic!("{} made no call", found.address),
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
    assert!(lost >= declared.len(), "{lost}");
    let mut counts: BTreeMap<Address, usize> = BTreeMap::new();
    for observed in list_all(&cx, &all).await {
        *counts.entry(observed.address).or_default() += 1;
    }
    assert_eq!(counts.len(), declared.len());
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let inventory = cloud.raw("GET", "/sim/inventory", None).await;
    assert_eq!(inventory["droplets"].as_array().unwrap().len(), 7);
    assert_eq!(inventory["load_balancers"].as_array().unwrap().len(), 1);
    cloud.stop().await;
}

fn sum(stats: &Value) -> u64 {
    match stats {
        Value::Number(number) => number.as_u64().unwrap_or_default(),
        Value::Object(fields) => fields.values().map(sum).sum(),
        _ => 0,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_machines_are_a_hundred_calls_to_make_and_twelve_to_see() {
    let cloud = Cloud::start().await;
    let mut cluster = cluster();
    cluster.pools[0].nodes.clear();
    cluster.pools[1].nodes = (1..=1_000)
        .map(|number| NodeSlot {
            slot: format!("worker-{number}"),
            generation: 1,
            revision: String::new(),
        })
        .collect();
    let owner = owner(1);
    let cx = context(&owner);
    let provider = cloud.provider(&cluster);
    let all = kinds(&provider);
    let declared = in_order(provider.model(&cluster, &owner).unwrap());
    let (machines, rest): (Vec<_>, Vec<_>) =
        declared.into_iter().partition(|declared| declared.address.kind() == "droplet");
    let known = create_all(&cx, &all, &rest).await;
    let droplets = &all["droplet"];
    droplets.list_owned(&cx).await.unwrap();

    cloud.raw("GET", "/sim/stats?reset=1", None).await;
    let requests: Vec<_> = machines.iter().map(|machine| request(&cx, machine, &known)).collect();
    for call in requests.chunks(droplets.batch_max()) {
        assert!(droplets.create(&cx, call).await.iter().all(Result::is_ok));
    }
    let stats = cloud.raw("GET", "/sim/stats?reset=1", None).await;
    assert_eq!(sum(&stats), 100, "{stats}");

    // All kinds at once, as a plan does it, by a process that knows nothing yet.
    let fresh = cloud.provider(&cluster);
    let fresh = fresh.kinds();
    let lists = fresh.iter().map(|kind: &std::sync::Arc<dyn Kind>| kind.list_owned(&cx));
    let listed = futures::future::try_join_all(lists).await.unwrap();
    assert_eq!(listed.iter().map(Vec::len).sum::<usize>(), 1_000 + rest.len());
    let stats = cloud.raw("GET", "/sim/stats?reset=1", None).await;
    assert!(sum(&stats) <= 12, "{stats}");
    cloud.stop().await;
}
