//! Every kind of this cloud that is registered: each action twice, and each action failed once and
//! lost once, as `tests/sweep/idempotence.rs` does it on the embedded cloud. A new kind is here as
//! soon as it is registered; if the file below leaves it out, this says so.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use infra::{config, session::SessionOptions};
use infra_provider_api::Phase;

use super::{
    failing_kinds::{Log, Trouble},
    lab::{AwsLab, Config, DNS, Inventory, more},
    runs::Runs,
};
use crate::lab::Ran;

/// What the process that works is to do: how, and up to where.
const TASK: &str = "INFRA_TEST_TROUBLE";
const TEST: &str = "aws::idempotence::every_kinds_actions_twice_and_failed_once";

/// Kinds that no file can declare: Kubernetes makes them.
const MADE_BY_KUBERNETES: [&str; 3] =
    ["kubernetes_load_balancer", "kubernetes_security_group", "volume"];
/// Needs a second control plane, which takes its time.
const TURN: &str = "turn";

/// Only machines with public addresses have it, and these are behind a gateway: `api_access.rs`.
const ACCESS: &str = "api_access";
/// It lives behind the API server, which moto has none of.
const SITE: &str = "site_certificate";

/// It belongs to a machine that boots, which moto has none of.
const SERVING: &str = "kubelet_certificate";

/// Another rule, another time to live, a worker less.
const CHANGES: [(&str, &str); 3] =
    [("203.0.113.0/24", "198.51.100.0/24"), ("ttl = 300", "ttl = 60"), ("count = 2", "count = 1")];

/// What exists, counted by kind.
fn shape(before: &Inventory, after: &Inventory) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for one in more(before, after) {
        let kind = one.split(' ').next().unwrap_or_default().to_owned();
        *counts.entry(kind).or_default() += 1;
    }
    counts
}

/// A session takes its folder and keys from its process, so it gets one of its own.
fn in_a_process(lab: &AwsLab, how: &str, task: &str) {
    let as_infra = lab.command(&[]);
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", TEST, "--nocapture"]).current_dir(lab.lab.path());
    for (name, value) in as_infra.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    Ran::of(command.env(TASK, format!("{how} {task}"))).ok().says("1 passed");
}

#[test]
fn every_kinds_actions_twice_and_failed_once() {
    if let Ok(task) = std::env::var(TASK) {
        return work(&task);
    }
    let settings = "private = true\nzones = [\"a\", \"b\"]";
    let config = Config { settings, more: DNS, ..Config::default() };
    let mut shapes = Vec::new();
    for how in ["twice", "failed"] {
        let Some(lab) = AwsLab::of(&config) else { return };
        let before = lab.inventory();
        in_a_process(&lab, how, "create");
        let changed = CHANGES.iter().fold(lab.lab.read("infra.toml"), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replacen(from, to, 1)
        });
        lab.lab.write("infra.toml", &changed);
        in_a_process(&lab, how, "update");
        shapes.push(shape(&before, &lab.inventory()));
        in_a_process(&lab, how, "destroy");
        assert_eq!(more(&before, &lab.inventory()), Vec::<String>::new(), "{how}");
    }
    assert_eq!(shapes[0], shapes[1], "both ways lead to the same world");
}

/// One step of it, inside the process that has the keys.
fn work(task: &str) {
    let (how, step) = task.split_once(' ').unwrap();
    let how = if how == "twice" { Trouble::Twice } else { Trouble::FailsOnceAndIsLostOnce };
    let log = Arc::new(Mutex::new(Log::default()));
    let session = SessionOptions {
        file: PathBuf::from("infra.toml"),
        spec: config::Options::default(),
        sim: false,
        sim_speed: None,
    };
    let runs = Runs { session, phase: Phase::Infra, how, log: Arc::clone(&log) };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let took = runtime.block_on(runs.converge(step == "destroy"));
    let actions = {
        let log = log.lock().unwrap();
        assert!(log.broken.is_empty(), "{:#?}", log.broken);
        log.actions.clone()
    };
    eprintln!("{task}: {took} runs; {actions:?}");
    if step == "destroy" {
        return;
    }
    runtime.block_on(runs.assert_settled(step));
    if step == "create" {
        let looked = runtime.block_on(runs.observe());
        // moto's machines don't boot: what comes after them is declared, and never made.
        let declared = looked.declared.iter().filter(|one| one.phase != Phase::Infra);
        let later: BTreeSet<&str> = declared.map(|one| one.address.kind()).collect();
        let exempt = |name: &str| {
            [TURN, ACCESS, SITE, SERVING].contains(&name)
                || later.contains(name)
                || MADE_BY_KUBERNETES.contains(&name)
        };
        for name in looked.kinds.names().filter(|name| !exempt(name)) {
            let made = actions.get(name).is_some_and(|all| all.contains("create"));
            assert!(made, "{name} is registered, and the file above never makes one");
        }
    }
}
