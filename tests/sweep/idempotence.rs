//! Every kind that is registered, against the embedded cloud: each action twice, and each action
//! failed once and lost once. A new kind is here as soon as it is registered; if the file below
//! leaves it out, this says so.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex},
    time::Duration,
};

use infra::{
    engine::{
        ExecuteOptions, Outcome, PlanOptions, RecoverOptions, events::Events, execute, recover,
    },
    resources::KUBERNETES_KINDS,
    session::{Planned, Purpose, Session, SessionOptions},
    spec,
};
use infra_provider_api::NoProgress;
use xtask::sweep::{Lab, SUITE, Tools};

use super::troubled::{Log, Trouble, trouble};

const SPEED: f64 = 25.0;
/// With every action failing once, each layer of the graph takes two runs.
const RUNS_MAX: usize = 40;

/// Kinds that no file can declare: Kubernetes makes them.
const MADE_BY_KUBERNETES: [&str; 2] = ["kubernetes_load_balancer", "volume"];
/// Come with their machine: after a failed run, the next one may find them there.
const JOIN_BY_THEMSELVES: [&str; 2] = ["api_server", "node"];
/// Needs a second control plane, which takes its time: `tests/scenario/quickstart.rs` has three.
const TURN: &str = "turn";

const TOML: &str = r#"
[cluster]
name = "lab"
provider = "do"
kubernetes = "1.36.2"

[network]
machines = "10.110.0.0/16"
pods = "10.200.0.0/13"
services = "10.96.0.0/16"

[providers.do]
region = "fra1"
image = "ubuntu-24-04-x64"

[pools.control-plane]
count = 1
type = "s-2vcpu-4gb"

[pools.worker]
count = 2
type = "s-2vcpu-4gb"

[ssh_keys]
ops = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ94r96iFZxcR4ULur54OWp3ee4dU9zgsgdyrWTnaQwZ ops@example.com"

[[firewall]]
protocol = "tcp"
ports = "22"
from = ["203.0.113.0/24"]

[dns]
domain = "lab.example.com"
ttl = 300

[apps]
base = "apps"
"#;

/// Another rule, another time to live, another key, a worker less.
const CHANGES: [(&str, &str); 4] = [
    ("203.0.113.0/24", "198.51.100.0/24"),
    ("ttl = 300", "ttl = 60"),
    ("yrWTnaQwZ ops@", "yrWTnaQwZ team@"),
    ("[pools.worker]\ncount = 2", "[pools.worker]\ncount = 1"),
];

fn changed() -> String {
    CHANGES.iter().fold(TOML.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "{from}");
        text.replace(from, to)
    })
}

fn options() -> SessionOptions {
    SessionOptions {
        file: PathBuf::from("infra.toml"),
        spec: spec::Options::default(),
        sim: true,
        sim_speed: Some(SPEED),
    }
}

/// One run, as `infra apply` makes it, with troubled kinds.
async fn run(options_of_plan: &PlanOptions, how: Trouble, log: &Arc<Mutex<Log>>) -> Outcome {
    let session = Session::open(&options(), Arc::new(NoProgress)).await.unwrap();
    let grace = Duration::from_millis(500);
    if !session.store.record().intents.is_empty() {
        let looked = session.look(Purpose::Apply).await.unwrap();
        let options = RecoverOptions {
            grace,
            optional: KUBERNETES_KINDS.iter().map(|kind| (*kind).to_owned()).collect(),
            ..RecoverOptions::default()
        };
        recover(&looked.kinds, &session.cx, &session.store, &options, &Events::none())
            .await
            .unwrap();
    }
    let Planned { looked, plan } = session.plan(options_of_plan.clone()).await.unwrap();
    let mut cx = session.cx.clone();
    cx.boot = Some(looked.boot.clone());
    let kinds = trouble(&looked.kinds, how, log);
    let options = ExecuteOptions { unanswered_grace: grace, ..ExecuteOptions::default() };
    execute(&plan, &kinds, &cx, &session.store, &options, &Events::none()).await
}

/// Runs until all is done; how many runs it took.
async fn converge(plan: &PlanOptions, how: Trouble, log: &Arc<Mutex<Log>>) -> usize {
    for number in 1..=RUNS_MAX {
        let outcome = run(plan, how, log).await;
        if outcome.is_complete() {
            return number;
        }
        assert!(how != Trouble::Twice, "{outcome:#?}");
        assert!(
            outcome.failures.iter().all(|step| step.error.message.contains("fails once")),
            "{outcome:#?}"
        );
    }
    panic!("not complete after {RUNS_MAX} runs");
}

/// Nothing is left to plan, and no intent is open.
async fn assert_settled(when: &str) {
    let session = Session::open(&options(), Arc::new(NoProgress)).await.unwrap();
    assert!(session.store.record().intents.is_empty(), "{when}: open intents");
    let planned = session.plan(PlanOptions::default()).await.unwrap();
    let left: Vec<_> = planned.plan.real_changes().collect();
    assert!(left.is_empty(), "{when}: {left:#?}");
}

/// Registered kinds, and which of them the session could not exercise.
async fn registered() -> Vec<&'static str> {
    let session = Session::open(&options(), Arc::new(NoProgress)).await.unwrap();
    session.look(Purpose::Apply).await.unwrap().kinds.names().collect()
}

#[test]
fn every_kinds_actions_twice_and_failed_once() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let home = std::env::current_dir().unwrap();
    let tools = Tools { binary: PathBuf::from(env!("CARGO_BIN_EXE_infra")), speed: SPEED };
    let mut shapes = Vec::new();
    for how in [Trouble::Twice, Trouble::FailsOnceAndIsLostOnce] {
        let lab = Lab::empty(&tools).unwrap();
        lab.write("infra.toml", TOML).unwrap();
        lab.write("apps/all.yaml", SUITE).unwrap();
        lab.start_cloud(Some(7)).unwrap();
        // A session works in the current folder. Nothing else in this program asks for it.
        std::env::set_current_dir(lab.path()).unwrap();
        let log = Arc::new(Mutex::new(Log::default()));
        let mut runs = BTreeMap::new();

        let apply = PlanOptions::default();
        runs.insert("create", runtime.block_on(converge(&apply, how, &log)));
        runtime.block_on(assert_settled("created"));
        let names = runtime.block_on(registered());
        lab.write("infra.toml", &changed()).unwrap();
        lab.write("apps/all.yaml", &SUITE.replace("green", "blue")).unwrap();
        runs.insert("update", runtime.block_on(converge(&apply, how, &log)));
        runtime.block_on(assert_settled("updated"));
        shapes.push(lab.shape().unwrap());
        let destroy = PlanOptions { destroy: true, ..PlanOptions::default() };
        runs.insert("destroy", runtime.block_on(converge(&destroy, how, &log)));
        assert_eq!(lab.shape().unwrap(), BTreeMap::new(), "{how:?}: something is left");
        std::env::set_current_dir(&home).unwrap();

        let log = log.lock().unwrap();
        assert!(log.broken.is_empty(), "{:#?}", log.broken);
        eprintln!("{how:?}: runs {runs:?}; {:?}", log.actions);
        for name in names.into_iter().filter(|name| *name != TURN) {
            let actions = log.actions.get(name);
            let wanted = if MADE_BY_KUBERNETES.contains(&name) { "delete" } else { "create" };
            let by_itself =
                name == "volume" || how != Trouble::Twice && JOIN_BY_THEMSELVES.contains(&name);
            let there = by_itself || actions.is_some_and(|all| all.contains(wanted));
            assert!(there, "{name} is registered, and the file above never makes one");
        }
    }
    assert_eq!(shapes[0], shapes[1], "both ways lead to the same world");
}
