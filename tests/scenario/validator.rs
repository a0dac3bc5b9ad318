//! Every request of a whole apply, judged by a validator made from the vendor's own document.

use std::{
    io::{BufRead, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, mpsc},
    time::Duration,
};

use super::lab::{Config, Lab, Ran, skipped};

/// Prism between the client and the embedded cloud. Stopped when it goes out of scope.
struct Prism {
    child: Child,
    url: String,
    log: Arc<Mutex<String>>,
}

impl Prism {
    fn start(lab: &Lab, binary: &PathBuf, document: &PathBuf) -> Self {
        let endpoint = lab.endpoint();
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut child = Command::new(binary)
            .arg("proxy")
            .arg(document)
            .arg(endpoint["digitalocean"].as_str().unwrap())
            .args(["--errors", "--host", "127.0.0.1", "--port", &port.to_string()])
            .env("NODE_EXTRA_CA_CERTS", endpoint["ca_file"].as_str().unwrap())
            .current_dir(lab.path())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (ready, is_ready) = mpsc::channel();
        let streams: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().unwrap()), Box::new(child.stderr.take().unwrap())];
        for stream in streams {
            let (log, ready) = (Arc::clone(&log), ready.clone());
            std::thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    if line.contains("listening on") {
                        let _ = ready.send(());
                    }
                    let mut log = log.lock().unwrap();
                    log.push_str(&line);
                    log.push('\n');
                }
            });
        }
        let prism = Self { child, url: format!("http://127.0.0.1:{port}"), log };
        if is_ready.recv_timeout(Duration::from_secs(120)).is_err() {
            panic!("Prism did not start:\n{}", prism.log.lock().unwrap());
        }
        prism
    }
}

impl Drop for Prism {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The variables that `infra sim env` prints, with the API behind the validator.
fn run(lab: &Lab, prism: &Prism, words: &[&str]) -> Ran {
    let printed = lab.run_bare(&["sim", "env"]).ok();
    let mut command = lab.bare(words);
    for line in printed.stdout.lines() {
        let (name, value) = line.strip_prefix("export ").unwrap().split_once('=').unwrap();
        command.env(name, value.trim_matches(['\'', '"']));
    }
    command.env("DIGITALOCEAN_API_URL", &prism.url);
    Ran::of(&mut command)
}

#[test]
fn every_request_fits_the_vendors_document() {
    let variable = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let (Some(document), Some(binary)) = (variable("INFRA_OPENAPI"), variable("INFRA_PRISM"))
    else {
        skipped(
            "the validator (set INFRA_OPENAPI to the vendor's document and INFRA_PRISM to the prism binary)",
        );
        return;
    };
    let dns = "\n[dns]\ndomain = \"lab.example.com\"\n\n[ssh_keys]\nops = \"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ94r96iFZxcR4ULur54OWp3ee4dU9zgsgdyrWTnaQwZ ops@example.com\"\n";
    let lab = Lab::with(&(Config { control_planes: 1, workers: 2 }.toml() + dns));
    lab.start_cloud();
    let prism = Prism::start(&lab, &binary, &document);
    // Without --sim: a run like any other, with endpoints and trust from the environment.
    lab.run(&["plan"]).ok();
    let stand_ins = lab.file(".infra/sim/artifacts/1.36.2");
    run(
        &lab,
        &prism,
        &["artifacts", "fetch", "--from", stand_ins.to_str().unwrap(), "--allow-unknown-checksums"],
    )
    .ok();
    run(&lab, &prism, &["apply", "--yes", "--phase", "infra"]).ok();
    assert_eq!(lab.inventory().of("droplets").len(), 3);
    run(&lab, &prism, &["plan", "--detailed-exitcode", "--phase", "infra"]).ok();
    run(&lab, &prism, &["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
    let log = prism.log.lock().unwrap();
    let violations: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("Violation") || line.contains("violation"))
        .collect();
    assert!(violations.is_empty(), "{violations:#?}");
}
