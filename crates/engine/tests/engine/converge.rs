//! Random worlds: plan and execute lead from any of them to any other.

use infra_provider_api::Declared;
use proptest::prelude::*;
use serde_json::json;

use crate::{
    cloud::KINDS,
    world::{World, declare},
};

#[derive(Clone, Debug)]
struct Draft {
    kind: usize,
    label: u8,
    size: u8,
    needs: Vec<prop::sample::Index>,
}

fn draft() -> impl Strategy<Value = Draft> {
    let needs = prop::collection::vec(any::<prop::sample::Index>(), 0..3);
    (0..KINDS.len(), 0..3u8, 0..2u8, needs).prop_map(|(kind, label, size, needs)| Draft {
        kind,
        label,
        size,
        needs,
    })
}

/// Each needs only earlier ones, so there are no circles. Half of the slots are left empty, so that
/// two worlds share some addresses.
fn worlds() -> impl Strategy<Value = Vec<Declared>> {
    prop::collection::vec(prop::option::of(draft()), 0..10).prop_map(|drafts| {
        let mut all: Vec<Declared> = vec![];
        for (slot, draft) in drafts.into_iter().enumerate() {
            let Some(draft) = draft else { continue };
            let name = format!("{}.s{slot}", KINDS[draft.kind]);
            let mut spec =
                json!({"u_label": draft.label, "r_size": draft.size, "c_once": draft.label});
            let mut members = vec![];
            if !all.is_empty() {
                for need in draft.needs {
                    let to = &all[need.index(all.len())].address;
                    members.push(json!({"$ref": to, "field": "id"}));
                }
            }
            members.sort_by_key(ToString::to_string);
            members.dedup();
            spec["r_members"] = members.into();
            all.push(declare(&name, spec, &[]));
        }
        all
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    #[test]
    fn plan_and_execute_converge(first in worlds(), second in worlds(), lost in any::<u16>(), forget: bool) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let world = World::new();
            let outcome = world.apply(&first).await.unwrap();
            assert!(outcome.is_complete(), "{outcome:?}");
            world.assert_is(&first, "first").await;
            // Drift: some things vanish. What refers to them does so in vain, which is no fault of
            // the order, so they vanish from the end.
            let gone = usize::from(lost) % (first.len() + 1);
            let addresses: Vec<_> = first[first.len() - gone..].iter().map(|resource| resource.address.clone()).collect();
            world.cloud.drift(|address| !addresses.contains(address));
            if forget {
                world.lose_record();
            }
            let outcome = world.apply(&second).await.unwrap();
            assert!(outcome.is_complete(), "{outcome:?}");
            world.assert_is(&second, "second").await;
        });
    }
}

#[tokio::test]
async fn with_the_record_lost_everything_is_adopted_and_nothing_created() {
    let world = World::new();
    let declared = crate::world::cluster(3);
    world.apply(&declared).await.unwrap();
    let (created, generations) =
        (world.cloud.creates(), world.store().await.state().generations.clone());
    world.lose_record();
    let outcome = world.apply(&declared).await.unwrap();
    assert_eq!(outcome.counts.adopted, declared.len());
    assert_eq!(world.cloud.creates(), created);
    assert_eq!(world.store().await.state().generations, generations);
    world.assert_is(&declared, "adopted").await;
}
