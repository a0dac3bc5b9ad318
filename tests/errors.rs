//! What a user sees when something is wrong: one clear message with its place and a hint, the
//! documented exit code, and nothing half-written. Run through the binary.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use infra_test_utils::ClusterToml;
use tempfile::TempDir;

fn base() -> String {
    ClusterToml::new("demo")
        .control_plane_size("vcpus = 2\nmemory = \"4GiB\"")
        .sized_workers(2, "type = { do = \"s-2vcpu-4gb\" }")
        .to_string()
}

/// What only a cloud allows that runs the control plane, and that `gpc` would be if it existed.
const MANAGED: &str = r#"[cluster]
name = "demo"
provider = "gpc"

[pools.worker]
min = 1
max = 3
spot = true
vcpus = 2
memory = "4GiB"

[[firewall]]
to = "api"
ports = "443"
from = ["203.0.113.0/24"]
"#;

/// A folder with an infra.toml. An embedded cloud that was started in it ends with it.
struct Place {
    folder: TempDir,
}

impl Place {
    fn new(file: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("infra.toml"), file).unwrap();
        Self { folder }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
        command.args(args).current_dir(self.path()).stdin(Stdio::null());
        for name in [
            "DIGITALOCEAN_TOKEN",
            "DIGITALOCEAN_ACCESS_TOKEN",
            "DIGITALOCEAN_API_URL",
            "SPACES_ACCESS_KEY_ID",
            "SPACES_SECRET_ACCESS_KEY",
            "SPACES_ENDPOINT_URL",
        ] {
            command.env_remove(name);
        }
        command
    }

    /// Exit code, standard output, standard error.
    fn run(&self, args: &[&str]) -> (i32, String, String) {
        Self::finish(self.command(args))
    }

    fn finish(mut command: Command) -> (i32, String, String) {
        let out = command.output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (out.status.code().unwrap_or(-1), text(out.stdout), text(out.stderr))
    }

    /// What is seen of a refusal: the exit code and the message, with nothing on standard output.
    fn refusal(&self, args: &[&str]) -> String {
        Self::seen(self.command(args))
    }

    fn seen(command: Command) -> String {
        let (code, out, err) = Self::finish(command);
        assert_eq!(out, "", "a refusal goes to standard error");
        let err: String = err
            .lines()
            .filter(|line| !line.starts_with("infra ") && !line.contains("trying again in"))
            .map(|line| format!("{line}\n"))
            .collect();
        format!("exit code {code}\n{err}")
    }

    /// Nothing was written but the files named.
    fn has_only(&self, names: &[&str]) {
        let mut found: Vec<String> = std::fs::read_dir(self.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        found.sort();
        assert_eq!(found, names);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.path().join(".infra/sim").exists() {
            let _ = self.run(&["sim", "stop"]);
        }
    }
}

fn with(from: &str, to: &str) -> Place {
    let base = base();
    assert!(base.contains(from), "the text to replace is there");
    Place::new(&base.replacen(from, to, 1))
}

#[test]
fn what_is_wrong_in_the_file_has_its_place() {
    let network = |text: &str| Place::new(&format!("{}\n[network]\n{text}\n", base()));
    let all = [
        ("unknown_key", with("region =", "regoin =")),
        ("wrong_type", with("count = 1", "count = \"one\"")),
        ("not_toml", with("count = 1", "count =")),
        ("even_control_planes", with("count = 1", "count = 2")),
        ("ranges_overlap", network("machines = \"10.244.8.0/24\"")),
        ("range_of_everything", network("machines = \"0.0.0.0/0\"")),
        ("no_room_for_pods", with("count = 2", "count = 1000")),
        ("cluster_name", with("\"demo\"", "\"My_Demo\"")),
        (
            "name_dns_refuses",
            Place::new(&format!("{}\n[dns]\ndomain = \"my_shop.example.com\"\n", base())),
        ),
        ("unknown_provider", with("\"do\"", "\"d0\"")),
        ("unknown_provider_of_a_managed_cluster", Place::new(MANAGED)),
        ("provider_without_type", with("\"do\"", "\"gcp\"")),
    ];
    for (name, place) in all {
        insta::assert_snapshot!(name, place.refusal(&["validate"]));
        place.has_only(&["infra.toml"]);
    }
}

#[test]
fn what_is_wrong_in_a_manifest_has_its_place() {
    let file = format!("{}\n[apps]\nbase = \"apps\"\n", base());
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: one}\nspec:\n  containers:\n  - name: one\n    image: IMAGE\n";
    let all = [
        ("undefined_variable", pod.replace("IMAGE", "example.com/one:${VERSION}")),
        ("image_latest", pod.replace("IMAGE", "example.com/one:latest")),
        ("not_yaml", pod.replace("kind: Pod", "kind: [Pod")),
    ];
    for (name, manifest) in all {
        let place = Place::new(&file);
        place.write("apps/one.yaml", &manifest);
        insta::assert_snapshot!(name, place.refusal(&["validate"]));
        place.has_only(&["apps", "infra.toml"]);
    }
}

#[test]
fn credentials_and_the_way_to_the_cloud() {
    let place = Place::new(&base());
    insta::assert_snapshot!("no_token", place.refusal(&["plan"]));
    let token = "dop_v1_0123456789abcdef";
    let mut command = place.command(&["plan"]);
    command.env("DIGITALOCEAN_TOKEN", token).env("DIGITALOCEAN_API_URL", "http://127.0.0.1:9");
    insta::assert_snapshot!("no_spaces_keys", Place::seen(command));

    let mut command = place.command(&["plan"]);
    command
        .env("DIGITALOCEAN_TOKEN", token)
        .env("DIGITALOCEAN_API_URL", "http://127.0.0.1:9")
        .env("SPACES_ACCESS_KEY_ID", "id")
        .env("SPACES_SECRET_ACCESS_KEY", "hidden-secret");
    let seen = Place::seen(command);
    assert!(!seen.contains(token) && !seen.contains("hidden-secret"));
    insta::assert_snapshot!("no_network", seen);
    place.has_only(&["infra.toml"]);
}

#[test]
fn what_the_cloud_does_not_have_is_said_before_anything_is_made() {
    let place = Place::new(&base());
    for (name, from, to) in [
        ("unknown_region", "fra1", "fra9"),
        ("unknown_size", "s-2vcpu-4gb", "s-2vcpu-5gb"),
        ("unknown_image", "ubuntu-24-04-x64", "ubuntu-24-04"),
    ] {
        place.write("other.toml", &base().replacen(from, to, 1));
        let (code, _, err) = place.run(&["apply", "--sim", "--yes", "-f", "other.toml"]);
        let err = err.lines().skip(1).collect::<Vec<_>>().join("\n");
        insta::assert_snapshot!(name, format!("exit code {code}\n{err}"));
    }
    let (_, inventory, _) = place.run(&["sim", "inventory"]);
    let inventory: serde_json::Value = serde_json::from_str(&inventory).unwrap();
    for kind in ["droplets", "load_balancers", "firewalls", "buckets"] {
        assert_eq!(inventory[kind].as_array().map_or(0, Vec::len), 0, "{kind} in {inventory}");
    }

    insta::assert_snapshot!(
        "unknown_target",
        place.refusal(&["plan", "--sim", "--target", "droplet.wroker-1"])
    );
    insta::assert_snapshot!("unknown_node", place.refusal(&["logs", "--sim", "wroker-1"]));
    insta::assert_snapshot!(
        "nothing_to_resume",
        place.refusal(&["rotate-node", "--sim", "--yes", "--resume"])
    );
    for verb in [&["etcd", "status"][..], &["rotate-node", "--yes", "worker-1"]] {
        let words = [verb, &["--sim"]].concat();
        insta::assert_snapshot!("no_cluster_yet", place.refusal(&words));
    }
    insta::assert_snapshot!(
        "no_such_pool",
        place.refusal(&["rotate-node", "--sim", "--yes", "--pool", "wroker"])
    );
    insta::assert_snapshot!(
        "no_node_at_once",
        place.refusal(&[
            "rotate-node",
            "--sim",
            "--yes",
            "--all",
            "--max-surge",
            "0",
            "--max-unavailable",
            "0",
        ])
    );

    // A wrong token, at the same cloud.
    let endpoint = std::fs::read(place.path().join(".infra/sim/endpoint.json")).unwrap();
    let endpoint: serde_json::Value = serde_json::from_slice(&endpoint).unwrap();
    let mut command = place.command(&["plan", "--json"]);
    command
        .env("DIGITALOCEAN_TOKEN", "dop_v1_wrong")
        .env("DIGITALOCEAN_API_URL", endpoint["digitalocean"].as_str().unwrap())
        .env("SSL_CERT_FILE", endpoint["ca_file"].as_str().unwrap())
        .env("SPACES_ACCESS_KEY_ID", "id")
        .env("SPACES_SECRET_ACCESS_KEY", "secret");
    let (code, out, _) = Place::finish(command);
    assert_eq!(code, 4, "{out}");
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert!(answer["error"].as_str().unwrap().contains("Unable to authenticate you"));
    assert!(!out.contains("dop_v1_wrong"));

    // A record from a later version is left as it is.
    for (file, text) in [
        ("rotations.json", r#"{"version": 9, "slots": {}}"#),
        ("identity.json", r#"{"version": 9, "cluster": "demo"}"#),
    ] {
        place.write(&format!(".infra/demo/{file}"), text);
        insta::assert_snapshot!(format!("newer_{file}"), place.refusal(&["plan", "--sim"]));
        let kept = std::fs::read_to_string(place.path().join(".infra/demo").join(file)).unwrap();
        assert_eq!(kept, text);
    }
}

#[test]
fn a_protected_environment_wants_its_name() {
    let place = Place::new(&base().replacen("provider =", "protected = true\nprovider =", 1));
    for (name, args) in [
        ("protected_without_confirm", &["apply", "--sim", "--yes"][..]),
        ("protected_wrong_name", &["apply", "--sim", "--yes", "--confirm", "other"]),
    ] {
        let (code, _, err) = place.run(args);
        let err: Vec<&str> = err.lines().filter(|line| !line.starts_with("infra ")).collect();
        insta::assert_snapshot!(name, format!("exit code {code}\n{}", err.join("\n")));
    }
    let (_, listed, _) = place.run(&["state", "list"]);
    assert_eq!(listed.lines().count(), 1, "nothing is recorded: {listed}");
}

#[test]
fn failures_are_json_too() {
    let place = with("region =", "regoin =");
    let (code, out, err) = place.run(&["validate", "--json"]);
    assert_eq!((code, err.as_str()), (3, ""));
    let answer: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(answer["exit_code"], 3);
    assert_eq!(answer["error"], "infra.toml:6: unknown key `regoin` in [providers.do]");
    assert_eq!(answer["findings"][0]["line"], 6);
    assert_eq!(answer["findings"][0]["help"], "did you mean `region`?");

    let (code, out, err) = place.run(&["plan", "--json", "--frobnicate"]);
    assert_eq!((code, err.as_str()), (64, ""));
    assert_eq!(serde_json::from_str::<serde_json::Value>(&out).unwrap()["exit_code"], 64);
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::new(&base());
    for args in [&["completions", "bash"][..], &["validate", "--schema"]] {
        let mut child =
            place.command(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let out = child.wait_with_output().unwrap();
        assert_eq!(String::from_utf8(out.stderr).unwrap(), "");
        assert!(out.status.success());
    }
}
