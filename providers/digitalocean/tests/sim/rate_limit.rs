//! The account's limit of 250 requests a minute, on a fast clock: what counts is how many requests
//! the cloud refuses, not how long it takes.

use std::sync::Arc;

use futures::{StreamExt, stream};
use infra_digitalocean::{DigitalOcean, DropletSpec};
use infra_provider_api::{Address, Context, CreateRequest, Provider};

use crate::{
    cloud::{Cloud, context, owner},
    cluster::cluster,
    shared::{create_all, kinds},
};

/// A real run makes this many calls at once, too.
const AT_ONCE: usize = 16;
const REFUSED: &str = "refused: 429";

/// Creates `count` machines, one call each.
async fn create(cx: &Context, provider: &DigitalOcean, vpc: &str, count: usize) {
    let kind = kinds(provider).remove("droplet").unwrap();
    let spec = DropletSpec {
        region: "fra1".to_owned(),
        size: "s-1vcpu-1gb".to_owned(),
        image: "ubuntu-24-04-x64".to_owned(),
        vpc: vpc.to_owned().into(),
        ssh_keys: None,
        revision: String::new(),
        powered_off: false,
        tags: Vec::new(),
    };
    let spec = serde_json::to_value(spec).unwrap();
    let calls = (0..count).map(|number| {
        let address = Address::new("droplet", format!("m{number}"));
        let intent_key = cx.owner.intent_key(&address, 1);
        let request = CreateRequest { address, spec: spec.clone(), intent_key };
        let kind = Arc::clone(&kind);
        async move {
            // What is refused for the limit is tried again, as the engine does it.
            loop {
                match kind.create(cx, std::slice::from_ref(&request)).await.remove(0) {
                    Ok(made) => return made,
                    Err(error) if error.is_transient() => {
                        tokio::time::sleep(error.retry_after.unwrap_or_default()).await;
                    }
                    Err(error) => panic!("{error}"),
                }
            }
        }
    });
    let made: Vec<_> = stream::iter(calls).buffer_unordered(AT_ONCE).collect().await;
    assert_eq!(made.len(), count);
}

async fn network(cloud: &Cloud, cx: &Context) -> String {
    let provider = cloud.provider(&cluster());
    let mut declared = provider.model(&cluster(), &cx.owner).unwrap();
    declared.retain(|one| one.address.kind() == "vpc");
    let known = create_all(cx, &kinds(&provider), &declared).await;
    known[&declared[0].address].text("id").unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_creates_are_hardly_ever_refused() {
    let cloud = Cloud::start().await;
    let cx = context(&owner(1));
    let vpc = network(&cloud, &cx).await;
    create(&cx, &cloud.provider(&cluster()), &vpc, 1_000).await;
    let calls = cloud.calls().await;
    let refused = calls.get(REFUSED).copied().unwrap_or(0);
    assert!(calls["POST /v2/droplets"] <= 1_000 + refused, "{calls:?}");
    assert!(refused <= 5, "{refused} of 1,000 calls were refused: {calls:?}");
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_user_of_the_token_is_seen() {
    let cloud = Cloud::start().await;
    let (cx, other) = (context(&owner(1)), context(&owner(2)));
    let vpc = network(&cloud, &cx).await;
    let (first, second) = (cloud.provider(&cluster()), cloud.provider(&cluster()));
    tokio::join!(create(&cx, &first, &vpc, 250), create(&other, &second, &vpc, 250));
    let calls = cloud.calls().await;
    let refused = calls.get(REFUSED).copied().unwrap_or(0);
    // Each would think that it has 250 requests to itself, and be refused for half of them.
    assert!(refused <= 60, "{refused} of 500 calls were refused: {calls:?}");
    cloud.stop().await;
}
