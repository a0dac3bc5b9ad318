//! Killed at each journal write and each call, failed at each call, made twice: the next run
//! converges.

use std::collections::BTreeSet;

use futures::StreamExt;
use infra_engine::{Action, RecoverOptions, events::Events, execute::Stopped, recover};
use infra_provider_api::{Context, Declared, ErrorKind, OWNERSHIP};
use serde_json::json;

use crate::{
    cloud::Trap,
    world::{Cut, World, cluster, declare},
};

/// From what to what.
fn scenarios() -> Vec<(&'static str, Vec<Declared>, Vec<Declared>)> {
    let small = cluster(4);
    let mut changed = cluster(4);
    changed[1].spec.set("r_size", Some(json!("large")));
    changed[2].spec.set("u_ttl", Some(json!(30)));
    changed[3].spec.set("u_tags", Some(json!(["x", "y"])));
    changed.truncate(7);
    changed.push(declare("rec.all", json!({"u_members": ["a"]}), &[]));
    let mut rotated = cluster(2);
    let mut new = declare("box.m1-g2", json!({"r_size": "small"}), &[("r_net", "net.main")]);
    new.supersedes = vec!["box.m1".parse().unwrap()];
    rotated.retain(|resource| !["box.m1", "rec.m1"].contains(&&*resource.address.to_string()));
    rotated.pop();
    rotated.push(new);
    vec![
        ("first apply", vec![], small.clone()),
        ("change", small.clone(), changed),
        ("rotation", cluster(2), rotated),
        ("removal", small, vec![]),
    ]
}

async fn world_with(declared: &[Declared]) -> World {
    let world = World::new();
    if !declared.is_empty() {
        let outcome = world.apply(declared).await.unwrap();
        assert!(outcome.is_complete(), "{outcome:?}");
        world.assert_is(declared, "before").await;
    }
    world.cut(Cut::None);
    world.cloud.set_trap(Trap::None);
    world
}

/// How many journal writes and calls it takes undisturbed.
async fn points(before: &[Declared], after: &[Declared]) -> (u64, u64) {
    let world = world_with(before).await;
    let outcome = world.apply(after).await.unwrap();
    assert!(outcome.is_complete(), "{outcome:?}");
    let points = (world.appends(), world.cloud.calls());
    world.assert_is(after, "undisturbed").await;
    points
}

#[tokio::test]
async fn killed_anywhere_the_next_run_converges() {
    let mut covered = 0;
    for (name, before, after) in scenarios() {
        let (writes, calls) = points(&before, &after).await;
        let cuts = (1..=writes).flat_map(|at| [Cut::Before(at), Cut::Torn(at), Cut::After(at)]);
        let kills = (1..=calls).flat_map(|at| [Trap::KillBefore(at), Trap::KillAfter(at)]);
        let all = cuts.map(|cut| (cut, Trap::None)).chain(kills.map(|kill| (Cut::None, kill)));
        for (cut, trap) in all {
            let world = world_with(&before).await;
            world.cut(cut);
            world.cloud.set_trap(trap);
            let _ = world.apply(&after).await;
            world.cut(Cut::None);
            world.cloud.set_trap(Trap::None);
            let when = format!("{name}, {cut:?}, {trap:?}");
            let outcome = world.apply(&after).await.unwrap();
            assert!(outcome.is_complete(), "{when}: {outcome:?}");
            world.assert_is(&after, &when).await;
            covered += 1;
        }
    }
    println!("{covered} points");
    assert!(covered > 100);
}

/// Every write again, where each run ends by moving the journal into a snapshot: those writes are
/// cut off, too, and every run begins from a snapshot.
#[tokio::test]
async fn killed_anywhere_while_the_journal_is_compacted_the_next_run_converges() {
    let mut compactions = 0;
    for (name, before, after) in scenarios() {
        let (plain, _) = points(&before, &after).await;
        let world = world_with(&before).await;
        world.compact_always();
        assert!(world.apply(&after).await.unwrap().is_complete());
        let writes = world.appends();
        assert!(writes > plain, "{name}: {writes} writes with a compaction, {plain} without");
        compactions += writes - plain;
        for cut in (1..=writes).flat_map(|at| [Cut::Before(at), Cut::Torn(at), Cut::After(at)]) {
            let world = world_with(&before).await;
            world.compact_always();
            world.cut(cut);
            let _ = world.apply(&after).await;
            world.cut(Cut::None);
            let when = format!("{name}, compacting, {cut:?}");
            // Everything is done by then. What a state that is lost would find again in the cloud must
            // not hide that it was lost.
            if cut.at() > plain {
                let state = world.store().await.state();
                let known: BTreeSet<_> = state.resources.keys().collect();
                let declared: BTreeSet<_> = after.iter().map(|one| &one.address).collect();
                assert_eq!(known, declared, "{when}");
            }
            let outcome = world.apply(&after).await.unwrap();
            assert!(outcome.is_complete(), "{when}: {outcome:?}");
            world.assert_is(&after, &when).await;
        }
    }
    assert!(compactions >= 8, "a snapshot and a new journal each: {compactions}");
}

/// An API server that does not answer is asked for long: once a run is enough.
#[tokio::test]
async fn kinds_that_are_out_of_reach_are_not_asked_what_became_of_calls() {
    let world = world_with(&[]).await;
    world.cloud.set_trap(Trap::KillAfter(1));
    assert!(world.apply(&cluster(1)).await.is_none(), "it was killed");
    world.cloud.set_trap(Trap::None);
    let store = world.store().await;
    let open: Vec<_> = store.state().intents.keys().cloned().collect();
    let options = RecoverOptions {
        unreachable: open.iter().map(|address| address.kind().to_owned()).collect(),
        ..RecoverOptions::default()
    };
    let (kinds, cx) = (world.cloud.kinds(), Context::quiet(store.owner().clone()));
    let recovered = recover(&kinds, &cx, &store, &options, &Events::none()).await.unwrap();
    assert_eq!(recovered.open, open, "an answer would have settled it");
    assert!(!store.state().intents.is_empty(), "the next create carries the same key");
}

/// Every kill again, with lists that lag behind creates and deletes.
#[tokio::test]
async fn killed_anywhere_while_lists_lag_the_next_run_converges() {
    let mut covered = 0;
    for (name, before, after) in scenarios() {
        let (writes, calls) = points(&before, &after).await;
        let cuts = (1..=writes).flat_map(|at| [Cut::Before(at), Cut::After(at)]);
        let kills = (1..=calls).flat_map(|at| [Trap::KillBefore(at), Trap::KillAfter(at)]);
        let all = cuts.map(|cut| (cut, Trap::None)).chain(kills.map(|kill| (Cut::None, kill)));
        let cases = all.map(|(cut, trap)| {
            let (before, after) = (&before, &after);
            async move {
                let mut world = world_with(before).await;
                world.lag();
                world.cut(cut);
                world.cloud.set_trap(trap);
                let _ = world.apply(after).await;
                world.cut(Cut::None);
                world.cloud.set_trap(Trap::None);
                let when = format!("{name}, lagging, {cut:?}, {trap:?}");
                let outcome = world.apply(after).await.unwrap();
                assert!(outcome.is_complete(), "{when}: {outcome:?}");
                world.assert_is(after, &when).await;
            }
        });
        let cases: Vec<_> = cases.collect();
        covered += cases.len();
        // Each waits more than it works.
        futures::stream::iter(cases).for_each_concurrent(16, |case| case).await;
    }
    assert!(covered > 100);
}

#[tokio::test]
async fn what_lost_its_ownership_tag_is_tagged_again_and_never_made_twice() {
    let declared = cluster(2);
    for address in declared.iter().map(|resource| resource.address.to_string()) {
        let world = world_with(&declared).await;
        let before = world.cloud.inventory();
        world.cloud.untag(&address);
        let plan = world.plan(&declared).await.unwrap();
        let changes: Vec<_> = plan.real_changes().collect();
        assert_eq!(changes.len(), 1, "{address}: {changes:#?}");
        assert_eq!(changes[0].action, Action::Update);
        assert_eq!(changes[0].fields[0].path, OWNERSHIP);
        assert!(world.apply(&declared).await.unwrap().is_complete(), "{address}");
        assert_eq!(world.cloud.inventory(), before, "{address}");
        world.assert_is(&declared, &address).await;

        // A destroy deletes it all the same.
        world.cloud.untag(&address);
        assert!(world.apply(&[]).await.unwrap().is_complete(), "{address}");
        world.assert_is(&[], &address).await;
    }
}

#[tokio::test]
async fn each_call_failed_once_is_made_up_for() {
    for (name, before, after) in scenarios() {
        let (_, calls) = points(&before, &after).await;
        for at in 1..=calls {
            // What passes, and what got no answer, is made up for by the same run.
            let same_run = [
                Trap::Unanswered(at),
                Trap::Fail(at, ErrorKind::Unavailable),
                Trap::Fail(at, ErrorKind::RateLimited),
                Trap::Fail(at, ErrorKind::Busy),
                Trap::Fail(at, ErrorKind::MalformedResponse),
            ];
            for trap in same_run {
                let world = world_with(&before).await;
                world.cloud.set_trap(trap);
                let when = format!("{name}, {trap:?}");
                let outcome = world.apply(&after).await.unwrap();
                assert!(outcome.is_complete(), "{when}: {outcome:?}");
                world.assert_is(&after, &when).await;
            }
            let world = world_with(&before).await;
            world.cloud.set_trap(Trap::Fail(at, ErrorKind::Quota));
            let outcome = world.apply(&after).await.unwrap();
            assert!(!outcome.failures.is_empty());
            let when = format!("{name}, quota at {at}");
            assert!(world.apply(&after).await.unwrap().is_complete(), "{when}");
            world.assert_is(&after, &when).await;
        }
    }
}

#[tokio::test]
async fn each_call_made_twice_is_as_good_as_once() {
    for (name, before, after) in scenarios() {
        let world = world_with(&before).await;
        world.cloud.call_twice();
        assert!(world.apply(&after).await.unwrap().is_complete(), "{name}");
        world.assert_is(&after, name).await;
    }
}

#[tokio::test]
async fn a_full_disk_stops_before_the_effect() {
    let after = cluster(4);
    let (writes, _) = points(&[], &after).await;
    for at in 1..=writes {
        let world = world_with(&[]).await;
        world.cut(Cut::Full(at));
        let outcome = world.apply(&after).await.unwrap();
        // The last line only says that the run is over.
        if at < writes {
            assert!(matches!(outcome.stopped, Some(Stopped::Journal(_))), "{at}: {outcome:?}");
        }
        world.cut(Cut::None);
        assert!(world.apply(&after).await.unwrap().is_complete());
        world.assert_is(&after, &format!("disk full at {at}")).await;
    }
}
