//! What a plan says.

use std::time::{Duration, Instant};

use infra_engine::{
    After, Observations, Plan, PlanError,
    diff::show,
    plan::{Action, PlanFileError},
};
use infra_provider_api::{Declared, Owner, Phase, Readiness};
use infra_state::State;
use serde_json::json;
use uuid::Uuid;

use crate::{
    cloud::Cloud,
    world::{World, address, cluster, declare, make},
};

/// A plan as text, one line a change and a field.
fn text(plan: &Plan) -> String {
    let mut lines = vec![];
    for change in plan.real_changes() {
        let reason =
            change.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default();
        lines.push(format!("{} {}{reason}", change.action.sign(), change.address));
        for field in &change.fields {
            let before = field.before.as_ref().map_or("nothing".to_owned(), show);
            let after = match &field.after {
                After::Known(value) => show(value),
                After::Unknown(_) => "(known after apply)".to_owned(),
                After::Secret => "(sensitive)".to_owned(),
                After::Absent => "nothing".to_owned(),
            };
            let forces = if field.forces_replace() { " # forces replacement" } else { "" };
            lines.push(format!("    {}: {before} -> {after}{forces}", field.path));
        }
    }
    lines.extend(plan.notes.iter().map(|note| format!("note: {note}")));
    lines.join("\n")
}

async fn applied(declared: &[Declared]) -> World {
    let world = World::new();
    assert!(world.apply(declared).await.unwrap().is_complete());
    world
}

#[tokio::test]
async fn changes_say_what_and_why() {
    let world = applied(&cluster(2)).await;
    let mut declared = cluster(2);
    declared[1].spec.set("r_size", Some(json!("large")));
    declared[2].spec.set("u_ttl", Some(json!(30)));
    declared[2].spec.set("t_revision", Some(json!("b")));
    declared[3].spec.set("u_tags", Some(json!(["y", "x"])));
    world.cloud.drift(|address| address.to_string() != "rec.m2");
    insta::assert_snapshot!(text(&world.plan(&declared).await.unwrap()));
}

#[tokio::test]
async fn secrets_are_never_shown() {
    let spec =
        |digest: &str| json!({"u_token": {"$secret": digest}, "u_env": {"A": {"$secret": digest}}});
    let world = applied(&[declare("rec.a", spec("0011"), &[])]).await;
    let plan = world.plan(&[declare("rec.a", spec("2233"), &[])]).await.unwrap();
    insta::assert_snapshot!(text(&plan), @r"
    ~ rec.a
        u_token: (sensitive) -> (sensitive)
        u_env.A: (sensitive) -> (sensitive)
    ");
}

#[tokio::test]
async fn a_field_declared_no_longer_is_taken_away() {
    let world = applied(&[declare("rec.a", json!({"u_a": 1, "u_b": 2}), &[])]).await;
    let declared = [declare("rec.a", json!({"u_a": 1}), &[])];
    insta::assert_snapshot!(text(&world.plan(&declared).await.unwrap()), @r"
    ~ rec.a
        u_b: 2 -> nothing
    ");
    assert!(world.apply(&declared).await.unwrap().is_complete());
    world.assert_is(&declared, "without it").await;
}

#[tokio::test]
async fn protected_ones_are_neither_deleted_nor_replaced() {
    let mut declared = vec![declare("rec.a", json!({"r_size": 1}), &[])];
    declared[0].protect = true;
    let world = applied(&declared).await;
    let error = world.plan(&[]).await.unwrap_err();
    insta::assert_snapshot!(error, @"rec.a is protected, and this plan would delete it (no longer declared)");
    declared[0].spec.set("r_size", Some(json!(2)));
    let error = world.plan(&declared).await.unwrap_err();
    insta::assert_snapshot!(error, @"rec.a is protected, and this plan would replace it (r_size can't be changed in place)");
}

#[tokio::test]
async fn targets_take_along_what_they_need() {
    let mut world = World::new();
    world.options.targets = vec![address("rec.m1")];
    let plan = world.plan(&cluster(2)).await.unwrap();
    let names: Vec<_> = plan.changes.iter().map(|change| change.address.to_string()).collect();
    assert_eq!(names, ["net.main", "box.m1", "rec.m1"]);
    insta::assert_snapshot!(plan.notes.join("\n"), @"3 resources are outside the targets and left out");
    world.options.targets = vec![address("rec.m9")];
    let error = world.plan(&cluster(2)).await.unwrap_err();
    assert!(matches!(&error, PlanError::UnknownTarget { near: Some(_), .. }), "{error}");
}

#[tokio::test]
async fn later_phases_are_left_alone() {
    let mut declared = cluster(1);
    declared[2].phase = Phase::Apps;
    let mut world = applied(&declared).await;
    world.options.phase = Phase::Infra;
    let plan = world.plan(&declared).await.unwrap();
    assert!(plan.is_empty());
    insta::assert_snapshot!(plan.notes.join("\n"), @"1 resource is left to a later phase");
    let without = [&declared[..2], &declared[3..]].concat();
    assert!(world.plan(&without).await.unwrap().is_empty());
    world.options.phase = Phase::Apps;
    assert_eq!(world.plan(&without).await.unwrap().counts()[&Action::Delete], 1);
}

#[tokio::test]
async fn what_is_not_ready_is_resumed() {
    let declared = cluster(1);
    let world = applied(&declared).await;
    let record = world.store().await.state();
    let (kinds, owner) = (world.cloud.kinds(), world.store().await.owner().clone());
    let cx = infra_provider_api::Context::quiet(owner.clone());
    let mut observed = infra_engine::observe(&kinds, &cx, &Default::default()).await.unwrap();
    let machine = &mut observed.resources.get_mut(&address("box.m1")).unwrap()[0];
    machine.readiness = Readiness::Pending { reason: "status new".to_owned() };
    let plan = make(&declared, &observed, &record, &kinds, &owner, &Default::default()).unwrap();
    insta::assert_snapshot!(text(&plan), @"> box.m1 (was ready, is not now: status new)");
}

#[tokio::test]
async fn a_plan_file_holds_until_something_moves() {
    let world = applied(&cluster(1)).await;
    let declared = cluster(2);
    let plan = world.plan(&declared).await.unwrap();
    let store = world.store().await;
    let bytes = plan.to_json().unwrap();
    assert_eq!(Plan::from_json(&bytes, store.owner()).unwrap(), plan);

    let other = Owner { cluster: "other".to_owned(), uuid: Uuid::from_u128(8) };
    assert!(matches!(Plan::from_json(&bytes, &other), Err(PlanFileError::OtherCluster { .. })));
    let newer = String::from_utf8(bytes).unwrap().replacen("\"version\":1", "\"version\":2", 1);
    let error = Plan::from_json(newer.as_bytes(), store.owner()).unwrap_err();
    insta::assert_snapshot!(error, @"the plan file has format 2, this program reads up to 1");

    let cx = infra_provider_api::Context::quiet(store.owner().clone());
    let kinds = world.cloud.kinds();
    let observed = infra_engine::observe(&kinds, &cx, &Default::default()).await.unwrap();
    plan.check_fresh(&declared, &observed, &store.state()).unwrap();
    world.cloud.edit("rec.m1", "u_ttl", json!(1));
    let moved = infra_engine::observe(&kinds, &cx, &Default::default()).await.unwrap();
    let error = plan.check_fresh(&cluster(3), &moved, &store.state()).unwrap_err();
    insta::assert_snapshot!(error, @"the plan is stale: infra.toml and the cloud changed since it was made at 2026-01-02T03:04:05Z");
}

#[tokio::test]
async fn creates_that_may_share_a_call_do() {
    let world = applied(&cluster(7)).await;
    let calls = world.cloud.log().iter().filter(|call| call.starts_with("create box")).count();
    assert_eq!(calls, 3, "{:?}", world.cloud.log());
}

/// Ten thousand, in a debug build: far from quadratic.
#[test]
fn planning_is_linear() {
    let (cloud, owner) = (Cloud::new(), Owner { cluster: "test".to_owned(), uuid: Uuid::nil() });
    let kinds = cloud.kinds();
    let took = |machines: usize| {
        let declared = cluster(machines);
        let empty = (Observations::default(), State::default());
        let started = Instant::now();
        make(&declared, &empty.0, &empty.1, &kinds, &owner, &Default::default()).unwrap();
        started.elapsed()
    };
    let (small, large) = (took(500), took(5000));
    assert!(
        large < small * 40 + Duration::from_millis(200),
        "{small:?} for 1,000, {large:?} for 10,000"
    );
}
