//! The graph and the order of steps.

use infra_engine::{
    Graph, GraphError, Plan, PlanOptions,
    events::StepAction,
    plan::{Action, Step, Steps},
};
use infra_provider_api::{ManagedBy, Phase};
use proptest::prelude::*;
use serde_json::json;

use crate::world::{World, address, cluster, declare};

#[test]
fn a_circle_is_named_with_its_path() {
    let declared = [
        declare("net.a", json!({}), &[("to", "net.b")]),
        declare("net.b", json!({}), &[("to", "net.c")]),
        declare("net.c", json!({}), &[("to", "net.a")]),
    ];
    let error = Graph::build(&declared).unwrap_err();
    insta::assert_snapshot!(error, @"a circle: net.a needs net.b needs net.c needs net.a");
}

#[test]
fn an_unknown_reference_gets_the_near_word() {
    let declared =
        [declare("net.main", json!({}), &[]), declare("box.a", json!({}), &[("to", "net.mian")])];
    let error = Graph::build(&declared).unwrap_err();
    insta::assert_snapshot!(error, @"box.a needs net.mian, which is not declared; did you mean net.main?");
    let twice = [declared[0].clone(), declared[0].clone()];
    assert!(matches!(Graph::build(&twice), Err(GraphError::Duplicate { .. })));
}

#[test]
fn the_graph_is_drawn() {
    let declared = cluster(1);
    let graph = Graph::build(&declared).unwrap();
    insta::assert_snapshot!(graph.mermaid(), @r#"
    flowchart LR
      n1["net.main"]
      n2["box.m1"]
      n3["rec.m1"]
      n4["rec.all"]
      n1 --> n2
      n2 --> n3
      n2 --> n4
    "#);
    insta::assert_snapshot!(graph.dot(), @r#"
    digraph infra {
      rankdir=LR;
      node [shape=box, fontname="monospace"];
      n1 [label="net.main"];
      n2 [label="box.m1"];
      n3 [label="rec.m1"];
      n4 [label="rec.all"];
      n1 -> n2;
      n2 -> n3;
      n2 -> n4;
    }
    "#);
}

proptest! {
    #[test]
    fn the_order_respects_every_edge(edges in prop::collection::vec((0..30usize, 0..30usize), 0..90)) {
        let declared: Vec<_> = (0..30usize).map(|to| {
            let mut resource = declare(&format!("net.n{to}"), json!({}), &[]);
            for (from, _) in edges.iter().filter(|(from, end)| from < end && *end == to) {
                resource.depends_on.push(address(&format!("net.n{from}")));
            }
            resource
        }).rev().collect();
        let graph = Graph::build(&declared).unwrap();
        let order: Vec<_> = graph.topological().map(|resource| resource.address.clone()).collect();
        let place = |wanted: &infra_provider_api::Address| order.iter().position(|at| at == wanted).unwrap();
        for resource in graph.iter() {
            for need in graph.needs(&resource.address) {
                prop_assert!(place(need) < place(&resource.address));
            }
        }
    }
}

#[tokio::test]
async fn deletes_run_the_other_way_round() {
    let mut world = World::new();
    let declared = cluster(2);
    world.apply(&declared).await.unwrap();
    world.options.destroy = true;
    let plan = world.plan(&declared).await.unwrap();
    let order: Vec<String> = plan.changes.iter().map(|change| change.address.to_string()).collect();
    assert_eq!(order.last().unwrap(), "net.main");
    assert!(plan.changes.iter().all(|change| change.action == Action::Delete));
    assert!(world.apply(&declared).await.unwrap().is_complete());
    world.assert_is(&[], "destroyed").await;
}

/// Where `step` stands in the order of a plan.
fn place(plan: &Plan, name: &str, wanted: StepAction) -> Option<usize> {
    let steps = Steps::of(&plan.changes, &[]).unwrap();
    steps.order.iter().position(|&index| match steps.steps[index] {
        Step::Do { change, action } => {
            plan.changes[change].address == address(name) && action == wanted
        }
        Step::MachinesGone => false,
    })
}

#[tokio::test]
async fn what_belonged_to_a_lost_machine_goes_before_the_next_one_comes() {
    let mut world = World::new();
    let member = declare("rec.m1", json!({"u_ttl": 60}), &[("r_of", "box.m1")]);
    let declared = [
        declare("net.main", json!({}), &[]),
        declare("box.m1", json!({}), &[("r_net", "net.main")]),
        member.in_phase(Phase::Apps),
        // Of another name: it does not belong to the machine, and may go at any time.
        declare("rec.other", json!({}), &[("r_of", "box.m1")]),
    ];
    assert!(world.apply(&declared).await.unwrap().is_complete());
    let gone_first = |plan: &Plan| {
        let gone = place(plan, "rec.m1", StepAction::Delete);
        gone.is_some() && gone < place(plan, "box.m1", StepAction::Create)
    };
    // Asked for, it goes too, though only the machine is in the plan.
    world.options.phase = Phase::Infra;
    world.options.replace = vec![address("box.m1")];
    for targets in [vec![], vec![address("box.m1")]] {
        world.options.targets = targets;
        let plan = world.plan(&declared).await.unwrap();
        assert!(gone_first(&plan), "{:#?}", plan.changes);
        assert_eq!(plan.change(&address("rec.m1")).unwrap().action, Action::Delete);
    }
    world.options = PlanOptions::default();
    world.cloud.drift(|address| address.to_string() != "box.m1");
    let plan = world.plan(&declared).await.unwrap();
    assert!(gone_first(&plan), "{:#?}", plan.changes);
    assert_eq!(plan.change(&address("rec.m1")).unwrap().action, Action::Replace);
    let machine = plan.change(&address("box.m1")).unwrap();
    assert_eq!(machine.created_after, [address("rec.m1")]);

    world.options.phase = Phase::Infra;
    let plan = world.plan(&declared).await.unwrap();
    assert!(gone_first(&plan), "{:#?}", plan.changes);
    assert!(world.apply(&declared).await.unwrap().is_complete());
    world.options.phase = Phase::Apps;
    assert!(world.apply(&declared).await.unwrap().is_complete());
    world.assert_is(&declared, "replaced").await;
}

/// What is handed over to a machine has its name, too, and is created again with it.
#[tokio::test]
async fn what_belongs_to_a_machine_is_known_beside_others_of_its_name() {
    let mut world = World::new();
    let member =
        declare("rec.m1", json!({"u_ttl": 60}), &[("r_of", "net.m1"), ("u_with", "box.m1")]);
    let declared = [
        declare("net.m1", json!({}), &[]),
        declare("box.m1", json!({}), &[("r_net", "net.m1")]),
        member.in_phase(Phase::Apps),
    ];
    assert!(world.apply(&declared).await.unwrap().is_complete());
    world.options.phase = Phase::Infra;
    world.options.replace = vec![address("net.m1")];
    let plan = world.plan(&declared).await.unwrap();
    assert_eq!(plan.change(&address("box.m1")).unwrap().action, Action::Replace);
    let member = plan.change(&address("rec.m1")).map(|change| change.action);
    assert_eq!(member, Some(Action::Delete), "{:#?}", plan.changes);
}

/// What lives behind the API server needs its new kubeconfig, though the API server itself stays.
#[tokio::test]
async fn what_is_needed_is_waited_for_through_what_stays() {
    let world = World::new();
    let declared = |ttl: u64| {
        [
            declare("net.main", json!({"u_ttl": ttl}), &[]),
            declare("net.other", json!({"u_ttl": ttl}), &[]),
            declare("box.m1", json!({}), &[]).after(address("net.main")),
            declare("rec.near", json!({"u_ttl": ttl}), &[]).after(address("box.m1")),
            declare("rec.far", json!({"u_ttl": ttl}), &[]).after(address("rec.near")),
        ]
    };
    assert!(world.apply(&declared(60)).await.unwrap().is_complete());
    let plan = world.plan(&declared(90)).await.unwrap();
    assert_eq!(plan.change(&address("box.m1")).unwrap().action, Action::NoOp);
    let needs = |name: &str| plan.change(&address(name)).unwrap().needs.clone();
    assert_eq!(needs("rec.near"), [address("net.main")]);
    assert_eq!(needs("rec.far"), [address("rec.near")], "the nearest ones are enough");
}

/// The network is replaced after the machine that leaves, which leaves after the state that no longer
/// names it, which would wait for the network through the machine that stays.
#[tokio::test]
async fn what_stays_makes_no_circle() {
    let world = World::new();
    let declared = |label: &str, machines: u64, ttl: u64| {
        let mut all = vec![declare("net.main", json!({"r_label": label}), &[])];
        let mut apps = declare("rec.apps", json!({"u_ttl": ttl}), &[]);
        for number in 1..=machines {
            let machine = format!("box.m{number}");
            all.push(declare(&machine, json!({}), &[]).after(address("net.main")));
            apps.depends_on.push(address(&machine));
        }
        all.push(apps);
        all.push(declare("rec.other", json!({"u_ttl": ttl}), &[]).after(address("box.m1")));
        all
    };
    assert!(world.apply(&declared("a", 2, 60)).await.unwrap().is_complete());
    let now = declared("b", 1, 90);
    let plan = world.plan(&now).await.unwrap();
    let at = |name: &str, action: StepAction| place(&plan, name, action).unwrap();
    assert!(at("rec.apps", StepAction::Update) < at("box.m2", StepAction::Delete));
    assert!(at("box.m2", StepAction::Delete) < at("net.main", StepAction::Delete));
    assert!(at("net.main", StepAction::Delete) < at("net.main", StepAction::Create));
    let needs = |name: &str| plan.change(&address(name)).unwrap().needs.clone();
    assert_eq!(needs("rec.apps"), []);
    assert_eq!(needs("rec.other"), [address("net.main")], "it is in no circle");
    assert!(world.apply(&now).await.unwrap().is_complete());
    world.assert_is(&now, "with a circle").await;
}

#[tokio::test]
async fn what_kubernetes_made_goes_after_the_machines_and_before_the_network() {
    let mut world = World::new();
    let declared = cluster(2);
    world.apply(&declared).await.unwrap();
    let net = world.cloud.inventory().into_iter().find(|(name, _)| name == "net.main").unwrap().1;
    let made_by = ManagedBy::Kubernetes { object: "Service web/front".to_owned() };
    let machine = world.cloud.inventory()[0].1.clone();
    world.cloud.put("rec.k8s-1", json!({"r_net": net, "u_members": [machine]}), made_by);

    // Never part of a normal plan.
    assert!(world.plan(&declared).await.unwrap().is_empty());

    world.options.destroy = true;
    world.options.machine_kinds = vec!["box".to_owned()];
    let plan = world.plan(&declared).await.unwrap();
    let change = plan.change(&address("rec.k8s-1")).unwrap();
    insta::assert_snapshot!(change.reason.as_ref().unwrap(), @"made by Kubernetes for Service web/front");
    let steps = Steps::of(&plan.changes, &plan.options.machine_kinds).unwrap();
    let names: Vec<String> = steps
        .order
        .iter()
        .map(|&step| match steps.steps[step] {
            Step::Do { change, action } => {
                assert_eq!(action, StepAction::Delete);
                plan.changes[change].address.to_string()
            }
            Step::MachinesGone => "gate".to_owned(),
        })
        .collect();
    let place = |name: &str| names.iter().position(|at| at == name).unwrap();
    assert!(place("box.m1") < place("gate") && place("box.m2") < place("gate"), "{names:?}");
    assert!(place("gate") < place("rec.k8s-1") && place("rec.k8s-1") < place("net.main"));
    assert!(world.apply(&declared).await.unwrap().is_complete());
    world.assert_is(&[], "destroyed").await;
}

#[tokio::test]
async fn what_is_declared_to_be_gone_first_is_gone_before_the_next_one_comes() {
    let mut world = World::new();
    let mut declared = vec![declare("box.a", json!({}), &[]), declare("box.b", json!({}), &[])];
    assert!(world.apply(&declared).await.unwrap().is_complete());
    declared[0].created_after = vec![address("box.b")];
    world.options.replace = vec![address("box.b")];
    // One that stays is not waited for …
    let plan = world.plan(&declared).await.unwrap();
    assert!(plan.change(&address("box.a")).is_none_or(|one| one.action == Action::NoOp));
    // … and nor is a machine that is there already for one that goes.
    world.options.replace.push(address("box.a"));
    let plan = world.plan(&declared).await.unwrap();
    assert_eq!(plan.change(&address("box.a")).unwrap().created_after, [address("box.b")]);
    let gone = place(&plan, "box.b", StepAction::Delete);
    assert!(gone.is_some() && gone < place(&plan, "box.a", StepAction::Create), "{plan:#?}");
    assert!(world.apply(&declared).await.unwrap().is_complete());
}

#[tokio::test]
async fn a_plan_until_machines_are_gone_leaves_out_what_goes_after_them() {
    let mut world = World::new();
    world.apply(&cluster(2)).await.unwrap();
    world.options.destroy = true;
    let plan = world.plan(&cluster(2)).await.unwrap();
    let first = plan.until_gone("box");
    let left: Vec<String> = plan
        .changes
        .iter()
        .filter(|one| first.change(&one.address).is_none())
        .map(|one| one.address.to_string())
        .collect();
    assert_eq!(left, ["net.main"]);
    assert_eq!(plan.until_gone("none"), plan);
}
