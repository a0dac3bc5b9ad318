//! The five example systems: each installs, shows an empty plan, takes an update, is pruned, and
//! goes. `infra apps` works on any kubeconfig, so that some of them share a cluster.

use std::path::PathBuf;

use super::lab::{Kubectl, Lab, Ran, Watched, skipped, visit_at, visit_tls};

/// One system in a cluster that is there.
struct System<'a> {
    lab: &'a Lab,
    /// The example, copied into a folder of that name.
    name: &'static str,
    kubeconfig: PathBuf,
    variables: &'a [(&'a str, &'a str)],
}

impl System<'_> {
    fn run(&self, words: &[&str]) -> Ran {
        let file = format!("{}/infra.toml", self.name);
        let kubeconfig = self.kubeconfig.display().to_string();
        let mut command = self.lab.bare(&[&["apps"], words].concat());
        // All are on one embedded cloud.
        command.args(["-f", &file, "--provider", self.lab.provider(), "--state-dir", "."]);
        if words[0] != "render" {
            command.args(["--kubeconfig", &kubeconfig]);
        }
        command.envs(self.variables.iter().copied());
        Ran::of(&mut command)
    }

    /// Installs it; then there is nothing to change, for `infra` and for kubectl.
    fn installs(&self, words: &[&str]) {
        self.run(&[&["apply", "--yes"], words].concat()).ok().says("0 failed");
        self.is_settled(words);
        let all = self.run(&[&["render", "--reveal"], words].concat()).ok().stdout;
        let path = format!("{}.rendered.yaml", self.name);
        self.lab.write(&path, &all);
        let Some(kubectl) = Kubectl::at(self.lab, &self.kubeconfig) else { return };
        let path = self.lab.file(&path).display().to_string();
        let ours: &[&str] = &["--server-side", "--field-manager=infra"];
        for how in [&[], ours] {
            let diff = kubectl.run(&[&["diff", "-f", &path], how].concat()).ok();
            assert_eq!(diff.stdout, "", "{}", self.name);
        }
    }

    fn is_settled(&self, words: &[&str]) {
        self.run(&[&["plan", "--detailed-exitcode"], words].concat()).ok().says("No changes");
        self.run(&[&["status"], words].concat()).ok().says("; applied as it is here");
    }

    /// Takes a file away, which is pruned, and brings it back.
    fn prunes(&self, file: &str, object: &str, words: &[&str]) {
        let path = format!("{}/{file}", self.name);
        let text = self.lab.read(&path);
        std::fs::remove_file(self.lab.file(&path)).unwrap();
        let plan = self.run(&[&["plan", "--detailed-exitcode"], words].concat()).expect(2);
        assert!(plan.stdout.contains(&format!("- {object}  (left the suite)")), "{plan}");
        self.run(&[&["apply", "--yes"], words].concat()).ok();
        self.is_settled(words);
        self.lab.write(&path, &text);
        self.run(&[&["apply", "--yes"], words].concat()).ok();
        self.is_settled(words);
    }

    fn goes(&self, words: &[&str]) {
        self.run(&[&["delete", "--yes"], words].concat()).ok().says("kept");
        self.run(&[&["delete", "--yes", "--all"], words].concat()).ok();
        self.run(&[&["delete", "--yes", "--all"], words].concat())
            .ok()
            .says("is not in this cluster");
    }
}

fn in_cluster<'a>(lab: &'a Lab, cluster: &str, name: &'static str) -> System<'a> {
    let kubeconfig = lab.file("ssl").join(cluster).join("kubeconfig");
    System { lab, name, kubeconfig, variables: &[] }
}

#[test]
fn storefront_and_its_neighbours() {
    let lab = Lab::empty();
    for name in ["storefront", "trading-demo", "class-api", "aws-suite", "task-queue"] {
        lab.add_example(name);
    }
    lab.run(&["apply", "--yes", "-f", "storefront/infra.toml", "--state-dir", "."])
        .ok()
        .says("https://store.storefront.example.com/");
    storefront(&lab);
    trading_demo(&lab);
    class_api(&lab);
    aws_suite(&lab);
    // The context of another project: nothing of its suite is touched.
    let wrong = in_cluster(&lab, "storefront", "task-queue").run(&["plan"]).expect(3);
    wrong.warns("belongs to storefront").warns("--context");
    lab.run(&["destroy", "--yes", "-f", "storefront/infra.toml", "--state-dir", "."]).ok();
    lab.inventory().assert_empty();
}

fn storefront(lab: &Lab) {
    let shop = in_cluster(lab, "storefront", "storefront");
    shop.installs(&[]);
    let status = shop.run(&["status"]).ok();
    let ingress =
        lab.run(&["output", "-f", "storefront/infra.toml", "--state-dir", ".", "--json"]).ok();
    let ingress: serde_json::Value = serde_json::from_str(&ingress.stdout).unwrap();
    let address = ingress.pointer("/suite.ingress/ingress_address").and_then(|a| a.as_str());
    assert!(status.stdout.contains(address.unwrap()), "{status}");
    // Both the domain and its wildcard lead there.
    let inventory = lab.inventory();
    let records = inventory.of("records").iter();
    let to_ingress = records.filter(|record| record["data"].as_str() == address);
    let mut names: Vec<&str> = to_ingress.filter_map(|record| record["name"].as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["*", "@"]);

    certified(lab, &shop, address.unwrap());

    // A changed setting has another name, and rolls the pods that use it.
    let debug = ["--set", "LOG_LEVEL=debug"];
    let plan = shop.run(&["plan", "--detailed-exitcode", debug[0], debug[1]]).expect(2);
    assert!(plan.stdout.contains("configMapRef.name"), "{plan}");
    shop.installs(&debug);
    shop.run(&["apply", "--yes"]).ok();
    shop.prunes("apps/public/imageserver.yaml", "Ingress/storefront/imageserver", &[]);
    // The ingress loses its Service, and gets another address: DNS follows in the same run.
    if let Some(kubectl) = Kubectl::at(lab, &shop.kubeconfig) {
        let gone = ["delete", "service", "traefik", "-n", "traefik"];
        kubectl.run(&gone).ok();
        lab.run(&["apply", "--yes", "-f", "storefront/infra.toml", "--state-dir", "."]).ok();
        lab.run(&[
            "plan",
            "--detailed-exitcode",
            "-f",
            "storefront/infra.toml",
            "--state-dir",
            ".",
        ])
        .ok();
    }
}

/// Every host of the shop has a certificate that a visitor who trusts its authority takes.
fn certified(lab: &Lab, shop: &System<'_>, ingress: &str) {
    let certs =
        lab.run_bare(&["certs", "-f", "storefront/infra.toml", "--state-dir", ".", "--json"]).ok();
    let all: Vec<serde_json::Value> = serde_json::from_str(&certs.stdout).unwrap();
    let mut hosts: Vec<&str> = all.iter().filter_map(|one| one["host"].as_str()).collect();
    hosts.sort_unstable();
    let names = ["assets", "notify", "store", "trk", "www", "www1", "www2", "www3"];
    let wanted = names.map(|name| format!("{name}.storefront.example.com"));
    assert_eq!(hosts, wanted, "{certs}");
    let status = shop.run(&["status"]).ok();
    for one in all.iter().filter(|one| one["host"].is_string()) {
        assert_eq!(
            (&one["verdict"], &one["issuer"]),
            (&"valid".into(), &"CN=storefront site-ca".into())
        );
        let row = format!("{}   ", one["host"].as_str().unwrap());
        let row = status.stdout.lines().find(|line| line.starts_with(&row));
        assert!(row.is_some_and(|row| row.contains("CN=storefront site-ca")), "{status}");
    }
    if nix::unistd::geteuid().is_root() {
        let ca = lab.file("ssl/storefront/site-ca.crt");
        for host in &wanted {
            let body = visit_tls(ingress, host, &ca).unwrap();
            assert!(body.starts_with("simulated answer of service storefront/"), "{host}: {body}");
        }
    } else {
        skipped("port 443 of the load balancer is for root: the shop is not visited by HTTPS");
    }
}

fn trading_demo(lab: &Lab) {
    let demo = in_cluster(lab, "storefront", "trading-demo");
    demo.installs(&["--env", "demo1"]);
    demo.installs(&["--env", "demo2"]);
    demo.run(&["status", "--env", "demo2"]).ok().says("orders-demo2.trading.example.com");
    demo.run(&["plan", "--env", "Demo_2"]).expect(3).warns("RFC 1123");
    demo.run(&["restart", "--yes", "--env", "demo1", "Deployment/orders"]).ok().says("1 restarted");
    demo.prunes("apps/services/positions.yaml", "Deployment/demo1/positions", &["--env", "demo1"]);
    demo.goes(&["--env", "demo2"]);
    demo.is_settled(&["--env", "demo1"]);
}

fn class_api(lab: &Lab) {
    let class = in_cluster(lab, "storefront", "class-api");
    class.installs(&["--version", "0.1.0"]);
    let prod = ["--env", "prod", "--confirm", "prod"];
    let refused = class.run(&[&["apply", "--yes"], &prod[..], &["--version", "0.2.3"]].concat());
    refused.expect(3).warns("apps-test has not run it; it has run 0.1.0");
    class.run(&["plan", "--version", "latest"]).expect(3).warns("no semantic version");
    let unconfirmed = class.run(&["apply", "--yes", "--env", "prod", "--version", "0.1.0"]);
    unconfirmed.expect(7).warns("protected");
    class.run(&[&["apply", "--yes"], &prod[..], &["--version", "0.1.0"]].concat()).ok();
    class.installs(&["--version", "0.2.3"]);
    class.run(&[&["apply", "--yes"], &prod[..], &["--version", "0.2.3"]].concat()).ok();
    class.prunes("test/grader-service.yaml", "Service/test/grader", &["--version", "0.2.3"]);
    class.goes(&[]);
}

fn aws_suite(lab: &Lab) {
    let exported = ["PAYMENT_API_KEY", "MAIL_API_KEY", "MONGO_PASSWORD", "GRAFANA_PASSWORD"]
        .map(|n| (n, "k-1"));
    let mut suite = in_cluster(lab, "storefront", "aws-suite");
    let missing = suite.run(&["plan"]).expect(3);
    for (name, _) in exported {
        assert!(missing.stderr.contains(&format!("{name} must be set")), "{missing}");
    }
    suite.variables = &exported;
    suite.installs(&["--env", "acc"]);
    // Another key: the Secret has another name, and what uses it is rolled. No value shows.
    let other = exported.map(|(name, _)| (name, "k-2"));
    suite.variables = &other;
    let plan = suite.run(&["plan", "--detailed-exitcode", "--env", "acc"]).expect(2);
    assert!(!plan.stdout.contains("k-2") && plan.stdout.contains("(another secret)"), "{plan}");
    suite.installs(&["--env", "acc"]);
    opens(&suite);
    suite.prunes("apps/base/apps/jobs.yaml", "CronJob/apps-acc/cleanup", &["--env", "acc"]);
    suite.goes(&["--env", "acc"]);
}

/// Each page of the suite, through a port of its own; the first line names the cluster.
fn opens(suite: &System<'_>) {
    let kubeconfig = suite.kubeconfig.display().to_string();
    let shared = [
        "--env",
        "acc",
        "-f",
        "aws-suite/infra.toml",
        "--state-dir",
        ".",
        "--kubeconfig",
        &kubeconfig,
    ];
    let open = |words: &[&str]| suite.lab.bare(&[&["open"], words, &shared[..]].concat());
    let pages = ["dashboard", "kibana", "grafana", "mongo-express"];
    for page in pages {
        let mut watched = Watched::start(open(&[page, "--json"]));
        assert!(watched.until_says("\"url\""), "{page}");
        let told: serde_json::Value = serde_json::from_str(watched.stdout()).unwrap();
        assert_eq!((&told["environment"], &told["cluster"]), (&"acc".into(), &"storefront".into()));
        let (_, rest) = told["url"].as_str().unwrap().split_once("http://").unwrap();
        let (address, path) = rest.split_once('/').unwrap();
        let (status, body) = visit_at(address, address, &format!("/{path}"));
        assert!(status.contains("200"), "{page}: {status}");
        assert!(body.contains(&format!("\"{page}\"")) && body.contains("-acc/"), "{body}");
        watched.interrupt();
        watched.wait().ok();
    }
    let list = Ran::of(&mut open(&[])).ok();
    assert!(pages.iter().all(|page| list.stdout.contains(page)), "{list}");
    Ran::of(&mut open(&["graphana"])).expect(3).warns("there are: dashboard");
}

#[test]
fn task_queue_never_runs_its_database_twice() {
    let lab = Lab::empty_on("gcp");
    lab.add_example("task-queue");
    lab.run(&["apply", "--yes", "-f", "task-queue/infra.toml", "--state-dir", "."]).ok();
    let tasks = in_cluster(&lab, "task-queue", "task-queue");
    tasks.installs(&[]);
    // Under another name it would start beside the one that is there.
    let path = "task-queue/apps/database.yaml";
    let text = lab.read(path);
    lab.write(path, &text.replacen("name: database", "name: database-2", 1));
    let broker = lab.read("task-queue/apps/broker.yaml");
    let moved = broker.replace("Pod/database", "Pod/database-2");
    lab.write("task-queue/apps/broker.yaml", &moved);
    tasks.run(&["apply", "--yes"]).expect(3).warns("pod database holds its claim database");
    lab.write(path, &text);
    lab.write("task-queue/apps/broker.yaml", &broker);
    tasks.is_settled(&[]);
    // A change that a Pod cannot take in place: refused, or recreated when that is allowed.
    lab.write(path, &text.replace("value: /data/pg", "value: /data/other"));
    tasks.run(&["plan"]).expect(3).warns("--replace Pod/tasks/database");
    tasks.run(&["apply", "--yes", "--replace", "Pod/tasks/database"]).ok().says("1 to recreate");
    tasks.is_settled(&[]);
    tasks.prunes("apps/monitor.yaml", "Deployment/tasks/monitor", &[]);
    tasks.goes(&[]);
}
