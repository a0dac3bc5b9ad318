//! What the cluster's own controllers call the cloud with, and where that lies.

use std::process::Command;

use infra_provisioning::artifacts::{Arch, stand_ins};

use super::lab::{Config, Kubectl, Lab, Ran};

const SMALL: Config = Config { control_planes: 1, workers: 1 };

fn text(lab: &Lab, field: &str) -> String {
    lab.endpoint()[field].as_str().unwrap().to_owned()
}

/// The HTTP status that the cloud's API answers to a call with this token.
fn call(lab: &Lab, token: &str, method: &str, path: &str) -> String {
    let mut curl = Command::new("curl");
    curl.current_dir(lab.path())
        // A refusal that comes before the body is read resets a stream of HTTP/2.
        .args(["-sS", "--http1.1", "-o", "/dev/null", "-w", "%{http_code}", "-X", method])
        .args(["--cacert", &text(lab, "ca_file")])
        .args(["-H", &format!("Authorization: Bearer {token}")])
        .args(["-H", "Content-Type: application/json", "-d", "{}"])
        .arg(format!("{}{path}", text(lab, "digitalocean")));
    Ran::of(&mut curl).ok().stdout
}

#[test]
fn a_token_stolen_from_the_cluster_makes_no_machines() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes"]).ok();
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };

    let path = "jsonpath={.data.access-token}";
    let get = ["get", "secret", "digitalocean", "--namespace", "kube-system", "--output", path];
    let encoded = kubectl.run(&get).ok().stdout;
    let mut base64 = Command::new("bash");
    base64.args(["-c", "printf %s \"$1\" | base64 -d", "-", &encoded]);
    let stolen = Ran::of(&mut base64).ok().stdout;
    assert_ne!(stolen, text(&lab, "token"), "the operator's own token is in the cluster");
    assert_eq!(call(&lab, &stolen, "POST", "/v2/droplets"), "403");
    assert_eq!(call(&lab, &stolen, "DELETE", "/v2/vpcs/1"), "403");
    assert_eq!(call(&lab, &stolen, "GET", "/v2/account/keys"), "403");
    assert_eq!(call(&lab, &stolen, "GET", "/v2/load_balancers"), "200");

    // Who holds it runs where no app does.
    for app in ["digitalocean-cloud-controller-manager", "csi-do-controller"] {
        let selector = format!("app={app}");
        let pods = ["pods", "--namespace", "kube-system", "--output=wide", "--selector", &selector];
        let rows = kubectl.rows(&pods);
        assert_eq!(rows.len(), 1, "{app}: {rows:?}");
        assert!(rows[0].iter().any(|column| column == "control-plane-1"), "{app}: {rows:?}");
    }
}

#[test]
fn the_embedded_cloud_keeps_no_tokens_of_real_ones() {
    let lab = SMALL.lab();
    let mut start = lab.bare(&["sim", "start"]);
    for name in ["DIGITALOCEAN_TOKEN", "SPACES_SECRET_ACCESS_KEY", "AWS_SECRET_ACCESS_KEY", "NAME"]
    {
        start.env(name, "a-real-one");
    }
    Ran::of(&mut start).ok();
    let environment = std::fs::read(format!("/proc/{}/environ", lab.endpoint()["pid"])).unwrap();
    let environment = String::from_utf8_lossy(&environment).into_owned();
    assert!(environment.contains("PATH="), "{environment}");
    assert!(!environment.contains("a-real-one"), "{environment}");
}

/// The embedded cloud as a real one: reached by the variables that lead to any.
#[test]
fn a_plan_says_when_the_cluster_gets_the_operators_own_token() {
    let lab = SMALL.lab();
    lab.start_cloud();
    stand_ins(&lab.file("source"), "1.36.2", Arch::Amd64).unwrap();
    let run = |words: &[&str], more: &[(&str, &str)]| {
        let mut command = lab.bare(words);
        for (variable, field) in [
            ("DIGITALOCEAN_API_URL", "digitalocean"),
            ("DIGITALOCEAN_TOKEN", "token"),
            ("SPACES_ENDPOINT_URL", "s3"),
            ("SPACES_ACCESS_KEY_ID", "spaces_access_key_id"),
            ("SPACES_SECRET_ACCESS_KEY", "spaces_secret_access_key"),
        ] {
            command.env(variable, text(&lab, field));
        }
        command.env("SSL_CERT_FILE", lab.path().join(text(&lab, "ca_file")));
        command.envs(more.iter().copied());
        Ran::of(&mut command)
    };
    let source = lab.file("source");
    let source = source.to_str().unwrap();
    run(&["artifacts", "fetch", "--from", source, "--allow-unknown-checksums"], &[]).ok();

    let own = "the cluster's controllers get your own DigitalOcean token";
    run(&["plan"], &[]).ok().says(own).says("DIGITALOCEAN_CLUSTER_TOKEN");
    let same = text(&lab, "token");
    let ran = run(&["plan"], &[("DIGITALOCEAN_CLUSTER_TOKEN", &same)]).ok();
    let ran = ran.says("DIGITALOCEAN_CLUSTER_TOKEN is your own DigitalOcean token");
    assert!(!format!("{ran}").contains(&same), "a token is shown");
    let ran = run(&["plan"], &[("DIGITALOCEAN_CLUSTER_TOKEN", "dop_v1_of_the_cluster")]).ok();
    assert!(!ran.stdout.contains("DigitalOcean token"), "{ran}");

    let named = "image = \"ubuntu-24-04-x64\"\ncluster_token = { env = \"SHOP_TOKEN\" }\n";
    let toml = SMALL.toml().replace("image = \"ubuntu-24-04-x64\"\n", named);
    lab.write("infra.toml", &toml);
    let refused = run(&["plan"], &[("DIGITALOCEAN_CLUSTER_TOKEN", "dop_v1_other")]).expect(4);
    refused.warns("SHOP_TOKEN is not set").warns("export SHOP_TOKEN");
    let ran = run(&["plan"], &[("SHOP_TOKEN", "dop_v1_of_the_cluster")]).ok();
    assert!(!ran.stdout.contains("DigitalOcean token"), "{ran}");
    // What needs no controllers needs no token of theirs.
    run(&["plan", "--phase", "infra"], &[]).ok();

    let pasted = toml.replace("SHOP_TOKEN", "dop_v1_0123456789abcdef");
    lab.write("infra.toml", &pasted);
    let ran = run(&["validate"], &[]).expect(3);
    let ran = ran.warns("is not the name of an environment variable").warns("infra.toml:");
    assert!(!format!("{ran}").contains("0123456789abcdef"), "a token is shown: {ran}");
    // Nor by the excerpt of a finding beside it.
    lab.write("infra.toml", &pasted.replace("image = ", "imagge = "));
    let ran = run(&["validate"], &[]).expect(3).warns("imagge");
    assert!(!format!("{ran}").contains("0123456789abcdef"), "a token is shown: {ran}");
}
