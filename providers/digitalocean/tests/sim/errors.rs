//! Things that belong to others, and things that the cloud does not have.

use infra_digitalocean::{DigitalOcean, Scope};
use infra_provider_api::{Cluster, ErrorKind, Provider, SizeRequest};
use serde_json::json;

use crate::{
    cloud::{Cloud, context, owner},
    cluster::{cluster, in_order, machines},
    shared::{create_all, delete_all, kinds, list_all, request},
};

/// Only what a test needs of the cluster.
fn small() -> Cluster {
    let mut cluster = cluster();
    cluster.pools.clear();
    cluster.tags.clear();
    cluster
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_clusters_of_one_name_never_touch_each_other() {
    let cloud = Cloud::start().await;
    let mut second = small();
    second.network.machines = "10.40.0.0/20".parse().unwrap();
    let (ours, theirs) = (owner(1), owner(2));
    assert_ne!(ours.short(), theirs.short());
    let (cx, other) = (context(&ours), context(&theirs));
    let (first, provider) = (cloud.provider(&small()), cloud.provider(&second));

    let declared = in_order(first.model(&small(), &ours).unwrap());
    create_all(&cx, &kinds(&first), &declared).await;

    // The zone is the first one's: a second can't have it, and gets a hint.
    let wanted = provider.model(&second, &theirs).unwrap();
    let zone = wanted.iter().find(|declared| declared.address.kind() == "domain").unwrap();
    let all = kinds(&provider);
    let request = request(&other, zone, &Default::default());
    let error = all["domain"].create(&other, &[request]).await.pop().unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken);
    assert!(error.hint.unwrap().contains("manage_zone = false"));

    // It may share the zone, but not a name in it.
    let mut sharing = second.clone();
    if let Some(dns) = &mut sharing.dns {
        dns.manage_zone = false;
        dns.api_name = "api2".to_owned();
    }
    let mut wanted = in_order(provider.model(&sharing, &theirs).unwrap());
    let at_apex = wanted.iter().position(|d| d.address.to_string() == "record.shop.example.com");
    let at_apex = wanted.remove(at_apex.unwrap());
    wanted.retain(|declared| declared.address.to_string() != "record.*.shop.example.com");
    let known = create_all(&other, &all, &wanted).await;
    let request = crate::shared::request(&other, &at_apex, &known);
    let error = all["record"].create(&other, &[request]).await.pop().unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken);

    // One public key, one entry: the second uses the first's and leaves it alone.
    let shared = all["ssh_key"].list_owned(&other).await.unwrap().remove(0);
    assert_eq!(shared.outputs.get("shared"), Some(json!(true)));
    assert!(all["ssh_key"].delete_warning(&shared).is_some());

    let count = list_all(&cx, &kinds(&first)).await.len();
    delete_all_but_shared(&other, &provider).await;
    assert!(list_all(&other, &all).await.is_empty());
    assert_eq!(list_all(&cx, &kinds(&first)).await.len(), count);
    assert_eq!(count, declared.len());
    delete_all(&cx, &kinds(&first)).await;
    assert_eq!(cloud.left().await, Vec::<String>::new());
    cloud.stop().await;
}

/// A shared key stays as long as the network does, so it is not waited for.
async fn delete_all_but_shared(cx: &infra_provider_api::Context, provider: &DigitalOcean) {
    let mut all = kinds(provider);
    let keys = all["ssh_key"].list_owned(cx).await.unwrap();
    for key in &keys {
        assert!(all["ssh_key"].delete(cx, key).await.unwrap());
    }
    for name in ["record", "load_balancer", "firewall", "bucket", "vpc"] {
        let kind = all.remove(name).unwrap();
        for observed in kind.list_owned(cx).await.unwrap() {
            crate::shared::delete(cx, kind.as_ref(), &observed).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_zone_of_a_killed_run_is_taken_up_and_a_used_one_is_not() {
    let cloud = Cloud::start().await;
    let provider = cloud.provider(&small());
    let (owner, all) = (owner(1), kinds(&provider));
    let cx = context(&owner);
    let declared = provider.model(&small(), &owner).unwrap();
    let zone = declared.iter().find(|declared| declared.address.kind() == "domain").unwrap();
    let request = request(&cx, zone, &Default::default());

    let domain = Some(json!({"name": "shop.example.com"}));
    cloud.raw("POST", "/v2/domains", domain.clone()).await;
    assert!(all["domain"].list_owned(&cx).await.unwrap().is_empty());
    all["domain"].create(&cx, std::slice::from_ref(&request)).await.pop().unwrap().unwrap();
    let made = all["domain"].list_owned(&cx).await.unwrap();
    assert_eq!(made.len(), 1);
    assert!(all["domain"].delete(&cx, &made[0]).await.unwrap());

    cloud.raw("POST", "/v2/domains", domain).await;
    let record = json!({"type": "A", "name": "www", "data": "203.0.113.1", "ttl": 300});
    cloud.raw("POST", "/v2/domains/shop.example.com/records", Some(record)).await;
    let error = all["domain"].create(&cx, &[request]).await.pop().unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_former_domain_is_still_found_after_the_new_one_is_there() {
    let cloud = Cloud::start().await;
    let mut moved = small();
    if let Some(dns) = &mut moved.dns {
        dns.domain = "new.example.com".to_owned();
    }
    let cx = context(&owner(1));
    for cluster in [small(), moved.clone()] {
        let provider = cloud.provider(&cluster);
        let declared = provider.model(&cluster, &cx.owner).unwrap();
        let zone = declared.iter().find(|declared| declared.address.kind() == "domain").unwrap();
        let request = request(&cx, zone, &Default::default());
        let made = kinds(&provider)["domain"].create(&cx, &[request]).await.pop().unwrap();
        made.unwrap();
    }
    let found = kinds(&cloud.provider(&moved))["domain"].list_owned(&cx).await.unwrap();
    let mut names: Vec<&str> = found.iter().map(|found| found.id.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["new.example.com", "shop.example.com"]);
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bucket_with_a_fixed_name_is_proven_by_its_mark() {
    let cloud = Cloud::start().await;
    let fixed = Cluster { bucket: Some("acme-artifacts".to_owned()), ..small() };
    let provider = cloud.provider(&fixed);
    let (ours, theirs) = (context(&owner(1)), context(&owner(2)));
    let buckets = &kinds(&provider)["bucket"];
    let declared = provider.model(&fixed, &ours.owner).unwrap();
    let declared = declared.iter().find(|d| d.address.kind() == "bucket").unwrap();
    for _ in 0..2 {
        let request = request(&ours, declared, &Default::default());
        buckets.create(&ours, &[request]).await.pop().unwrap().unwrap();
    }
    assert_eq!(buckets.list_owned(&ours).await.unwrap().len(), 1);
    assert!(buckets.list_owned(&theirs).await.unwrap().is_empty());
    let request = request(&theirs, declared, &Default::default());
    let error = buckets.create(&theirs, &[request]).await.pop().unwrap().unwrap_err();
    assert_eq!(error.kind, ErrorKind::NameTaken);
    let found = buckets.list_owned(&ours).await.unwrap().remove(0);
    assert!(buckets.delete(&ours, &found).await.unwrap());
    assert!(buckets.delete(&ours, &found).await.unwrap());
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_cloud_does_not_have_is_found_before_anything_is_made() {
    let cloud = Cloud::start().await;
    let mut cluster = cluster();
    cluster.pools[0].size = SizeRequest::Type("s-2vcpu-4g".to_owned());
    cluster.pools[1].image = "ubuntu-24-04-x46".to_owned();
    let provider = cloud.provider(&cluster);
    let cx = context(&owner(1));
    let problems = provider.preflight(&cx, &cluster, &machines(1_000_000)).await.unwrap();
    let texts: Vec<String> = problems
        .iter()
        .map(|problem| format!("{}; {}", problem.message, problem.help.as_deref().unwrap()))
        .collect();
    assert!(texts[0].contains("did you mean `s-2vcpu-4gb`"), "{texts:?}");
    assert!(texts[1].contains("did you mean `ubuntu-24-04-x64`"), "{texts:?}");
    assert!(texts[2].contains("1000000 new machines do not fit"), "{texts:?}");
    cluster.region = "fra9".to_owned();
    let problems = provider.preflight(&cx, &cluster, &machines(1)).await.unwrap();
    assert_eq!(problems.len(), 1);
    assert!(problems[0].message.contains("region `fra9` does not exist"));
    cloud.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_token_is_refused_by_name() {
    let cloud = Cloud::start().await;
    let mut connection = cloud.connection(None);
    connection.token = "dop_v1_wrong".to_owned().into();
    let provider = DigitalOcean::new(connection, Scope::of(&small())).unwrap();
    let error = provider.account(&context(&owner(1))).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Unauthorized);
    assert!(!format!("{error:?}").contains("dop_v1_wrong"));
    cloud.stop().await;
}
