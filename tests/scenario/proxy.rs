//! Proxies of the environment.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::mpsc::{Receiver, channel},
    time::Duration,
};

use super::{
    aws::lab::Config as AwsConfig,
    lab::{Config, Lab, Ran, Watched},
};

/// How long the first request to a store may take to come.
const PATIENCE: Duration = Duration::from_secs(60);

/// A proxy that refuses, and says who was asked for: `CONNECT host:port`.
fn proxy() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, asked) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let mut line = String::new();
            let mut reader = BufReader::new(stream);
            if reader.read_line(&mut line).is_err() {
                continue;
            }
            let words: Vec<&str> = line.split_whitespace().take(2).collect();
            let _ = sender.send(words.join(" "));
            let _ = reader.get_mut().write_all(b"HTTP/1.1 502 Bad Gateway\r\n\r\n");
        }
    });
    (url, asked)
}

/// Runs a plan with the embedded cloud's API and the real stores, behind `proxy`; what it is asked for,
/// until `host` is among it.
fn asked_until(lab: &Lab, proxy: (String, Receiver<String>), host: &str) -> Vec<String> {
    let (url, asked) = proxy;
    let printed = lab.run_bare(&["sim", "env"]).ok();
    let mut command = lab.bare(&["plan", "--phase", "infra"]);
    for line in printed.stdout.lines() {
        let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
        command.env(name, value.trim_matches(['\'', '"']));
    }
    for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"] {
        command.env(name, &url);
    }
    command.env_remove("NO_PROXY").env_remove("no_proxy").env_remove("SPACES_ENDPOINT_URL");
    command.env("AWS_ACCESS_KEY_ID", "id").env("AWS_SECRET_ACCESS_KEY", "secret");
    command.env("INFRA_STATE_PASSPHRASE", "correct horse battery staple");
    let _run = Watched::start(command);
    let mut all = Vec::new();
    while !all.iter().any(|one: &String| one == host) {
        let one = asked.recv_timeout(PATIENCE).unwrap_or_else(|_| panic!("no {host} in {all:?}"));
        all.push(one);
    }
    all
}

#[test]
fn stores_are_asked_through_the_proxy_and_this_machine_is_not() {
    let lab = Config { control_planes: 1, workers: 1 }.lab();
    lab.start_cloud();
    let spaces = "CONNECT fra1.digitaloceanspaces.com:443";
    let asked = asked_until(&lab, proxy(), spaces);
    assert!(!asked.iter().any(|one| one.contains("127.0.0.1")), "{asked:?}");

    let state = "\n[state]\nbackend = \"s3://team-state/x\"\n\
                 endpoint = \"https://s3.store.example.invalid\"\n";
    lab.write("infra.toml", &(lab.read("infra.toml") + state));
    asked_until(&lab, proxy(), "CONNECT s3.store.example.invalid:443");
}

/// Runs a plan of a real cloud behind a proxy that nobody listens at.
fn behind_a_dead_proxy(lab: &Lab, words: &[&str], no_proxy: &str) -> Ran {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut command = lab.bare(words);
    for name in ["https_proxy", "ALL_PROXY", "all_proxy", "no_proxy"] {
        command.env_remove(name);
    }
    command
        .env("HTTPS_PROXY", format!("http://me:s3cret@{free}"))
        .env("NO_PROXY", no_proxy)
        .env("DIGITALOCEAN_TOKEN", "a-token")
        .env("SPACES_ACCESS_KEY_ID", "id")
        .env("SPACES_SECRET_ACCESS_KEY", "secret")
        .env("AWS_ACCESS_KEY_ID", "id")
        .env("AWS_SECRET_ACCESS_KEY", "secret");
    let ran = Ran::of(&mut command);
    assert!(!ran.stderr.contains("s3cret"), "{}", ran.stderr);
    ran
}

#[test]
fn a_proxy_that_does_not_answer_is_named() {
    let lab = Config { control_planes: 1, workers: 1 }.lab();
    let bucket = "\n[state]\nbackend = \"s3://team-state/x\"\n\
                  endpoint = \"https://s3.store.example.invalid\"\n";
    let toml = lab.read("infra.toml");
    behind_a_dead_proxy(&lab, &["plan"], "")
        .expect(1)
        .warns("the proxy of HTTPS_PROXY")
        .warns("api.digitalocean.com to NO_PROXY");
    lab.write("infra.toml", &(toml + bucket));
    behind_a_dead_proxy(&lab, &["state", "list"], "")
        .warns("the proxy of HTTPS_PROXY")
        .warns("s3.store.example.invalid to NO_PROXY");
    // Nothing goes through it, so it has nothing to do with the failure.
    let direct = behind_a_dead_proxy(&lab, &["state", "list"], "example.invalid");
    assert!(!direct.stderr.contains("HTTPS_PROXY"), "{}", direct.stderr);

    let lab = Lab::with(&AwsConfig::default().toml());
    behind_a_dead_proxy(&lab, &["plan"], "").expect(1).warns("the proxy of HTTPS_PROXY");
}
