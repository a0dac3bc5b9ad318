//! What was ready, and is ill.

use infra_engine::plan::Action;
use serde_json::json;

use crate::world::{World, address, cluster, declare};

/// More looks than any test takes.
const FOREVER: u32 = u32::MAX;

#[tokio::test]
async fn what_is_ill_holds_up_nothing_else_and_is_no_success() {
    let world = World::new();
    let mut declared = cluster(2);
    world.apply(&declared).await.unwrap();
    world.cloud.fall_ill("box.m1", FOREVER);
    // What needs it changes, and so does what needs all.
    declared[2] = declare("rec.m1", json!({"u_ttl": 61}), &[("u_to", "box.m1")]);
    declared.push(declare("box.m3", json!({"r_size": "small"}), &[("r_net", "net.main")]));
    // Each run goes on like the first: that it was ready once is not forgotten.
    for run in 0..2 {
        let plan = world.plan(&declared).await.unwrap();
        let ill = plan.changes.iter().find(|one| one.address == address("box.m1")).unwrap();
        assert_eq!((ill.action, ill.recovers), (Action::Resume, true), "{run}");
        assert!(ill.reason.as_ref().unwrap().starts_with("was ready, is not now: "), "{ill:?}");
        let outcome = world.apply(&declared).await.unwrap();
        assert_eq!(outcome.skipped, [], "{run}");
        let [failed] = &outcome.failures[..] else { panic!("{:?}", outcome.failures) };
        assert_eq!(failed.address, address("box.m1"));
        let said = failed.error.to_string();
        assert!(said.contains("not ready again after") && said.contains("looks to go"), "{said}");
        assert_eq!(
            (outcome.counts.created, outcome.counts.updated),
            match run {
                0 => (1, 1),
                _ => (0, 0),
            }
        );
    }
    world.cloud.fall_ill("box.m1", 2);
    let outcome = world.apply(&declared).await.unwrap();
    assert!(outcome.is_complete(), "{:?}", outcome.failures);
    world.assert_is(&declared, "well again").await;
}

#[tokio::test]
async fn what_was_never_ready_is_waited_for() {
    let world = World::new();
    let mut declared = cluster(1);
    world.apply(&declared[..1]).await.unwrap();
    // A run made it, and was cut off before it was ready.
    world.cloud.set_trap(crate::cloud::Trap::KillAfter(1));
    assert!(world.apply(&declared).await.is_none());
    world.cloud.set_trap(crate::cloud::Trap::None);
    world.cloud.fall_ill("box.m1", 100);
    declared[2] = declare("rec.m1", json!({"u_ttl": 61}), &[("u_to", "box.m1")]);
    let plan = world.plan(&declared).await.unwrap();
    let needs = |name: &str| {
        plan.changes.iter().find(|one| one.address == address(name)).unwrap().needs.clone()
    };
    assert_eq!(needs("rec.m1"), [address("box.m1")]);
    let outcome = world.apply(&declared).await.unwrap();
    assert!(outcome.is_complete(), "{:?}", outcome.failures);
    world.assert_is(&declared, "ready at last").await;
}
