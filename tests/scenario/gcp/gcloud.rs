//! gcloud, Google's own command line: it reads and changes what infra made, and infra what it left.

use std::process::Command;

use serde_json::Value;

use super::lab::{GcpLab, Google, REGION};
use crate::lab::{Kubectl, Ran, skipped};

/// gcloud with a configuration of its own, on the embedded cloud of a folder.
struct Gcloud<'a> {
    lab: &'a GcpLab,
    google: Google,
}

impl<'a> Gcloud<'a> {
    /// `None`, and a loud word, where there is no gcloud.
    fn of(lab: &'a GcpLab) -> Option<Self> {
        if !is_there("gcloud", "--version") {
            skipped("no gcloud on this machine: Google Cloud's calls are not checked with it");
            return None;
        }
        let google = lab.google();
        std::fs::create_dir_all(lab.lab.file("gcloud")).unwrap();
        lab.lab.write("gcloud/token", &google.token);
        Some(Self { lab, google })
    }

    /// Leads a program that reads gcloud's settings to the embedded cloud, and nowhere else.
    fn lead(&self, command: &mut Command) {
        let Google { url, project, .. } = &self.google;
        let config = self.lab.lab.file("gcloud");
        command
            .env("CLOUDSDK_CONFIG", &config)
            .env("CLOUDSDK_AUTH_ACCESS_TOKEN_FILE", config.join("token"))
            .env("CLOUDSDK_CORE_PROJECT", project)
            .env("CLOUDSDK_CORE_DISABLE_PROMPTS", "1")
            .env("CLOUDSDK_CORE_DISABLE_USAGE_REPORTING", "true")
            .env("CLOUDSDK_CORE_CHECK_GCE_METADATA", "false")
            .env("CLOUDSDK_SURVEY_DISABLE_PROMPTS", "1")
            .env("CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK", "true")
            .env("KUBECONFIG", config.join("kubeconfig"))
            // The plugin for kubectl keeps tokens below the home folder.
            .env("HOME", &config);
        for (api, path) in [
            ("CONTAINER", "/"),
            ("COMPUTE", "/compute/v1/"),
            ("DNS", "/dns/v1/"),
            ("IAM", "/"),
            ("CLOUDRESOURCEMANAGER", "/"),
        ] {
            let variable = format!("CLOUDSDK_API_ENDPOINT_OVERRIDES_{api}");
            command.env(variable, format!("{url}{path}"));
        }
        // Nobody listens there, so that a call past this machine fails at once.
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            command.env(name, "http://127.0.0.1:9");
        }
        for name in ["no_proxy", "NO_PROXY"] {
            command.env(name, "127.0.0.1,localhost,127.0.0.0/8");
        }
    }

    fn run(&self, words: &[&str]) -> Ran {
        let mut command = self.lab.clean("gcloud");
        command.args(words);
        self.lead(&mut command);
        Ran::of(&mut command)
    }

    /// The answer of a command as JSON.
    #[track_caller]
    fn json(&self, words: &[&str]) -> Value {
        let ran = self.run(&[words, &["--format=json"]].concat()).ok();
        serde_json::from_str(&ran.stdout).unwrap_or_else(|e| panic!("{e}: {ran}"))
    }

    /// One field of each of a list, sorted.
    #[track_caller]
    fn names(&self, words: &[&str]) -> Vec<String> {
        let all = self.json(words);
        let name = |one: &Value| one["name"].as_str().unwrap().to_owned();
        let mut names: Vec<String> = all.as_array().unwrap().iter().map(name).collect();
        names.sort();
        names
    }
}

fn is_there(program: &str, argument: &str) -> bool {
    let asked = Command::new(program).arg(argument).output();
    asked.is_ok_and(|output| output.status.success())
}

/// The cluster as gcloud reads it is the one that infra made.
fn reads_the_cluster(gcloud: &Gcloud<'_>) {
    let all = gcloud.json(&["container", "clusters", "list"]);
    let [cluster] = all.as_array().unwrap().as_slice() else { panic!("one cluster: {all}") };
    assert_eq!(cluster["name"], "lab");
    assert_eq!(cluster["status"], "RUNNING");
    assert_eq!(cluster["location"], REGION);
    assert_eq!(cluster["currentNodeCount"], 1);
    assert_eq!(cluster["resourceLabels"]["infra-tag-team"], "shop", "{cluster}");
    let version = cluster["currentMasterVersion"].as_str().unwrap();
    assert!(version.starts_with("1.36.2-gke."), "{version}");

    let at = ["--location", REGION];
    let described = ["container", "clusters", "describe", "lab"];
    let described = gcloud.json(&[&described[..], &at].concat());
    assert_eq!(described["id"], cluster["id"]);
    assert_eq!(described["endpoint"], cluster["endpoint"]);

    let of_lab = ["--cluster", "lab", "--location", REGION];
    let pools = gcloud.names(&[&["container", "node-pools", "list"][..], &of_lab].concat());
    assert_eq!(pools, ["worker"]);
    let pool = ["container", "node-pools", "describe", "worker"];
    let pool = gcloud.json(&[&pool[..], &of_lab].concat());
    assert_eq!(pool["config"]["machineType"], "e2-standard-2");
    assert_eq!(pool["status"], "RUNNING");

    let operations = gcloud.json(&[&["container", "operations", "list"][..], &at].concat());
    let made = operations.as_array().unwrap();
    let made = made.iter().find(|one| one["operationType"] == "CREATE_CLUSTER").unwrap();
    assert_eq!(made["status"], "DONE", "{operations}");
}

/// What lies around the cluster has the names that infra gave it.
fn reads_what_is_around(gcloud: &Gcloud<'_>) {
    let networks = gcloud.names(&["compute", "networks", "list"]);
    let [network] = networks.as_slice() else { panic!("one network: {networks:?}") };
    let subnets = gcloud.json(&["compute", "networks", "subnets", "list"]);
    assert_eq!(subnets[0]["ipCidrRange"], "10.110.0.0/16");
    let is_in = subnets[0]["network"].as_str().unwrap().ends_with(network.as_str());
    assert!(is_in && subnets.as_array().unwrap().len() == 1, "{subnets}");
    let rules = gcloud.json(&["compute", "firewall-rules", "list"]);
    let is_ours = |rule: &&Value| rule["sourceRanges"][0] == "203.0.113.0/24";
    let rule = rules.as_array().unwrap().iter().find(is_ours).unwrap();
    assert_eq!(rule["allowed"][0]["ports"][0], "22", "{rule}");
    let zones = gcloud.json(&["dns", "managed-zones", "list"]);
    assert_eq!(zones[0]["dnsName"], "shop.example.com.");
    let zone = zones[0]["name"].as_str().unwrap();
    let records = gcloud.names(&["dns", "record-sets", "list", "--zone", zone]);
    assert!(records.contains(&"shop.example.com.".to_owned()), "{records:?}");
}

/// kubectl with the kubeconfig that gcloud writes sees the nodes that it sees with infra's.
fn kubectl_by_the_plugin(gcloud: &Gcloud<'_>) {
    let lab = &gcloud.lab.lab;
    let words = ["container", "clusters", "get-credentials", "lab", "--location", REGION];
    gcloud.run(&words).ok().warns("kubeconfig entry generated for lab");
    let kubeconfig = lab.file("gcloud/kubeconfig");
    if !is_there("gke-gcloud-auth-plugin", "--version") {
        return skipped("no gke-gcloud-auth-plugin: kubectl does not log in as gcloud lets it");
    }
    let Some(kubectl) = Kubectl::at(lab, &kubeconfig) else { return };
    let mut command = kubectl.command(&["get", "nodes", "-o", "name"]);
    gcloud.lead(&mut command);
    let ran = Ran::of(&mut command).ok();
    let [node] = ran.stdout.lines().collect::<Vec<_>>()[..] else { panic!("one node: {ran}") };
    assert!(node.starts_with("node/gke-lab-worker-"), "{node}");
    let status = gcloud.lab.run(&["status"]).ok();
    status.says(node.trim_start_matches("node/"));
}

#[test]
fn gcloud_reads_changes_and_deletes_what_infra_made() {
    let lab = GcpLab::new();
    lab.run(&["apply", "--yes"]).ok();
    let Some(gcloud) = Gcloud::of(&lab) else { return };
    reads_the_cluster(&gcloud);
    reads_what_is_around(&gcloud);
    kubectl_by_the_plugin(&gcloud);
    // To read changes nothing.
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    // Somebody resizes the pool: infra sees it, and takes it back.
    let resize = ["container", "clusters", "resize", "lab", "--node-pool", "worker"];
    gcloud.run(&[&resize[..], &["--num-nodes", "2", "--location", REGION]].concat()).ok();
    let plan = lab.run(&["plan", "--detailed-exitcode"]).expect(2);
    assert_eq!(plan.changed("~"), ["node_pool.worker"], "{plan}");
    lab.run(&["apply", "--yes"]).ok();
    let all = gcloud.json(&["container", "clusters", "list"]);
    assert_eq!(all[0]["currentNodeCount"], 1, "{all}");
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    // Somebody deletes the cluster: the command waits for the operation's end.
    let delete = ["container", "clusters", "delete", "lab", "--quiet", "--location", REGION];
    gcloud.run(&delete).ok().warns("Deleted [");
    assert_eq!(gcloud.names(&["container", "clusters", "list"]), [""; 0]);
    let plan = lab.run(&["plan", "--detailed-exitcode"]).expect(2);
    assert!(plan.changed("+").contains(&"gke_cluster.main".to_owned()), "{plan}");
    lab.run(&["destroy", "--yes"]).ok();
    assert_eq!(gcloud.names(&["compute", "networks", "list"]), [""; 0]);
    assert_eq!(gcloud.names(&["compute", "firewall-rules", "list"]), [""; 0]);
    assert_eq!(gcloud.names(&["dns", "managed-zones", "list"]), [""; 0]);
    lab.lab.inventory().assert_empty();
    lab.assert_answers_fit();
}
