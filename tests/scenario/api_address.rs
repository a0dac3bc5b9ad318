//! The load balancer of the API servers is deleted by hand: its address is one that nodes may keep.

use super::lab::{Config, Kubectl, Lab};

const THREE: Config = Config { control_planes: 3, workers: 1 };
const NODES: [&str; 4] = ["control-plane-1", "control-plane-2", "control-plane-3", "worker-1"];

fn delete_balancer(lab: &Lab) -> String {
    let all = lab.inventory();
    let api = |one: &&serde_json::Value| one["name"].as_str().unwrap().contains("api");
    let balancer = all.of("load_balancers").iter().find(api).unwrap();
    lab.delete_by_hand(&format!("load_balancers/{}", balancer["id"].as_str().unwrap()));
    balancer["ip"].as_str().unwrap().to_owned()
}

fn kubeconfig(lab: &Lab) -> String {
    lab.read("ssl/lab/kubeconfig")
}

/// kubectl on an API server itself, as somebody would reach it while there is no load balancer.
fn past_the_balancer(lab: &Lab) -> Option<Kubectl> {
    let machines = lab.by_hand("GET", "/v2/droplets?per_page=200", None);
    let machines = machines["droplets"].as_array().unwrap();
    let first = machines.iter().find(|one| one["name"] == NODES[0]).unwrap();
    let addresses = first["networks"]["v4"].as_array().unwrap();
    let public = addresses.iter().find(|one| one["type"] == "public").unwrap();
    let server = format!("https://{}:6443", public["ip_address"].as_str().unwrap());
    let own = kubeconfig(lab);
    let line = own.lines().find(|line| line.trim_start().starts_with("server: ")).unwrap();
    lab.write("past.kubeconfig", &own.replace(line, &format!("    server: {server}")));
    Kubectl::at(lab, &lab.file("past.kubeconfig"))
}

/// Waits until exactly these nodes are Ready: kubelets that were cut off are missed after a while, and
/// come back after a while.
#[track_caller]
fn until_ready(kubectl: &Kubectl, wanted: &[&str]) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(120);
    while kubectl.ready_nodes() != wanted {
        assert!(std::time::Instant::now() < until, "{:?}", kubectl.ready_nodes());
    }
}

#[test]
fn nodes_that_know_a_name_follow_it_to_the_new_load_balancer() {
    let lab = Lab::with(&format!("{}\n[dns]\ndomain = \"example.com\"\n", THREE.toml()));
    lab.run(&["apply", "--yes"]).ok();
    let kubectl = Kubectl::of(&lab, "lab");
    if let Some(kubectl) = &kubectl {
        kubectl.run(&["create", "namespace", "keepme"]).ok();
    }
    let old = delete_balancer(&lab);

    lab.run(&["plan"])
        .ok()
        .says("the API server gets a new address: api.example.com will lead there");
    if let Some(kubectl) = &past_the_balancer(&lab) {
        until_ready(kubectl, &NODES[..3]);
    }
    let ran = lab.run(&["apply", "--yes"]).ok();
    assert!(!ran.stderr.contains(&old), "the old address is asked: {ran}");
    assert!(!ran.stdout.contains("suite."), "its sum is known: {ran}");
    assert!(!kubeconfig(&lab).contains(&format!("https://{old}:")), "{old}");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    if let Some(kubectl) = &kubectl {
        kubectl.run(&["get", "namespace", "keepme"]).ok();
        until_ready(kubectl, &NODES);
    }

    // The name is what nodes know now: it stays.
    lab.write("infra.toml", &THREE.toml());
    lab.run(&["apply", "--yes"]).expect(3).warns("looks for the API server under this name");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn nodes_that_know_an_address_are_not_left_behind_in_silence() {
    let lab = THREE.lab();
    lab.run(&["apply", "--yes"]).ok();
    let kubectl = Kubectl::of(&lab, "lab");
    delete_balancer(&lab);
    let before = (kubeconfig(&lab), lab.inventory().ids());

    for verb in [&["plan"][..], &["apply", "--yes"], &["apply", "--yes", "--phase", "infra"]] {
        lab.run(verb).expect(3).warns("at the address of the one that was there");
    }
    assert_eq!((kubeconfig(&lab), lab.inventory().ids()), before);
    lab.run(&["status"]).ok();

    // The way out that the refusal names.
    let ways: Vec<String> = NODES[..3]
        .iter()
        .flat_map(|name| {
            let machine = format!("droplet.{name}");
            ["--replace", &machine, "--confirm-data-loss", name].map(str::to_owned)
        })
        .collect();
    let words: Vec<&str> =
        ["apply", "--yes"].into_iter().chain(ways.iter().map(String::as_str)).collect();
    lab.run(&words).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    if let Some(kubectl) = &kubectl {
        assert_eq!(kubectl.ready_nodes(), NODES);
    }
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

const NAMED: &str = "\n[dns]\ndomain = \"example.com\"\n";

/// Waits until the first control plane has made the cluster.
pub(super) fn until_made(lab: &Lab) {
    let until = std::time::Instant::now() + std::time::Duration::from_secs(120);
    loop {
        let planned = lab.run(&["plan"]);
        if planned.changed("=").contains(&"api_server.main".to_owned()) {
            return;
        }
        assert!(std::time::Instant::now() < until, "{planned}");
    }
}

/// Loses everything that the state says, as on another machine without it.
fn lose_state(lab: &Lab) {
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
}

fn recorded_endpoint(lab: &Lab) -> Option<String> {
    let ran = lab.run(&["state", "show", "api_server.main", "--json"]).ok();
    let shown: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert!(shown["spec"].is_object(), "{ran}");
    shown["spec"]["endpoint"].as_str().map(str::to_owned)
}

#[test]
fn a_cluster_that_came_up_between_two_runs_is_known_by_its_name() {
    let lab = Lab::with(&format!("{}{NAMED}", THREE.toml()));
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    until_made(&lab);
    let second = lab.run(&["apply", "--yes"]).ok();
    assert_eq!(second.changed("-/+"), Vec::<String>::new(), "{second}");
    assert_eq!(recorded_endpoint(&lab).as_deref(), Some("api.example.com"));
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    delete_balancer(&lab);
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    if let Some(kubectl) = &Kubectl::of(&lab, "lab") {
        until_ready(kubectl, &NODES);
    }
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn a_lost_state_does_not_change_where_nodes_look() {
    let named = format!("{}{NAMED}", THREE.toml());
    let by_address = format!("{named}endpoint = \"address\"\n");
    for (made_with, later, wanted) in
        [(&named, &by_address, Some("api.example.com")), (&by_address, &named, None)]
    {
        let lab = Lab::with(made_with);
        lab.run(&["apply", "--yes"]).ok();
        assert_eq!(recorded_endpoint(&lab).as_deref(), wanted);
        lose_state(&lab);
        lab.write("infra.toml", later);

        // What can't be read is not what infra.toml happens to say.
        lab.fault(&["503", "--api", "kube", "--path", "*/configmaps/*"]);
        for verb in [&["plan"][..], &["apply", "--yes"]] {
            lab.run(verb)
                .expect(9)
                .warns("cannot see whether nodes look for the API server by name");
        }
        lab.run(&["status"]).ok();
        lab.run_bare(&["sim", "fault", "clear"]).ok();

        let ran = lab.run(&["apply", "--yes"]).ok();
        assert_eq!(ran.changed("+"), Vec::<String>::new(), "{ran}");
        assert_eq!(recorded_endpoint(&lab).as_deref(), wanted);
        let old = delete_balancer(&lab);
        let planned = lab.run(&["plan"]);
        match wanted {
            Some(_) => planned.ok().says("api.example.com will lead there"),
            None => planned.expect(3).warns(&format!("the one that was there ({old})")),
        };
    }
}
