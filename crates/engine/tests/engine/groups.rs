//! Machines that a group of the cloud makes and deletes by itself.

use infra_engine::plan::Action;
use infra_provider_api::ManagedBy;
use serde_json::json;

use crate::world::{World, address, declare};

/// Makes a world with a group of two machines, which the group has made itself.
async fn world() -> World {
    let world = World::new();
    world.apply(&[declare("net.pool", json!({"u_count": 2}), &[])]).await.unwrap();
    for name in ["box.a", "box.b"] {
        let group = ManagedBy::Group { group: address("net.pool") };
        world.cloud.put(name, json!({"size": "s"}), group);
    }
    world
}

#[tokio::test]
async fn no_plan_deletes_a_machine_of_a_group_by_itself() {
    let mut world = world().await;
    let declared = [declare("net.pool", json!({"u_count": 2}), &[])];
    assert!(world.plan(&declared).await.unwrap().is_empty());

    // It goes with its group: only that is deleted.
    world.options.destroy = true;
    let plan = world.plan(&declared).await.unwrap();
    let deleted: Vec<String> =
        plan.real_changes().map(|change| change.address.to_string()).collect();
    assert_eq!(deleted, ["net.pool"]);
}

#[tokio::test]
async fn a_machine_goes_when_another_one_takes_its_place() {
    let world = world().await;
    let mut new = declare("box.c", json!({"size": "s"}), &[("r_net", "net.pool")]);
    new.supersedes.push(address("box.a"));
    let declared = [declare("net.pool", json!({"u_count": 2}), &[]), new];
    let plan = world.plan(&declared).await.unwrap();
    let changes: Vec<(String, Action)> =
        plan.real_changes().map(|change| (change.address.to_string(), change.action)).collect();
    assert_eq!(
        changes,
        [("box.c".to_owned(), Action::Create), ("box.a".to_owned(), Action::Delete)]
    );
    assert!(world.apply(&declared).await.unwrap().is_complete());
    let left: Vec<String> = world.cloud.inventory().into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["box.b", "box.c", "net.pool"]);
}

#[tokio::test]
async fn a_node_goes_before_the_machine_whose_id_it_shares() {
    let world = world().await;
    let group = || ManagedBy::Group { group: address("net.pool") };
    let id = world.cloud.put("box.c", json!({"size": "s"}), group());
    // Its Node, which the cloud knows by the same id.
    world.cloud.put_with_id("rec.c", &id, json!({"r_of": id}), group());
    let mut pool = declare("net.pool", json!({"u_count": 1}), &[]);
    pool.supersedes = vec![address("box.c"), address("rec.c")];
    let plan = world.plan(&[pool]).await.unwrap();
    let machine = plan.change(&address("box.c")).unwrap();
    assert_eq!(machine.deleted_after, [address("rec.c")]);
}

#[tokio::test]
async fn a_group_that_gets_smaller_gives_up_the_machine_that_was_chosen() {
    let world = world().await;
    let mut pool = declare("net.pool", json!({"u_count": 1}), &[]);
    pool.supersedes.push(address("box.b"));
    let plan = world.plan(&[pool.clone()]).await.unwrap();
    let reasons: Vec<Option<String>> =
        plan.real_changes().map(|change| change.reason.clone()).collect();
    assert!(reasons.contains(&Some("net.pool gets smaller".to_owned())), "{reasons:?}");
    assert!(world.apply(&[pool]).await.unwrap().is_complete());
    let left: Vec<String> = world.cloud.inventory().into_iter().map(|(name, _)| name).collect();
    assert_eq!(left, ["box.a", "net.pool"]);
}
