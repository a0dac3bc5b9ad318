//! Variables that the environment may give, by name.

use std::process::Command;

use infra_test_utils::Folder;

const TOML: &str = r#"[cluster]
name = "demo"
provider = "do"

[providers.do]
region = "fra1"
image = "ubuntu-24-04-x64"

[dns]
domain = "shop.example.com"

[apps]
base = "base"
version = "1.2.3"

[apps.variables]
LEVEL = "info"
DOMAIN = { env = true }
DOCKER_ACCOUNT = { env = true, default = "library" }
IMAGE_PULL_POLICY = { env = true }
"#;

const MANIFEST: &str = r#"apiVersion: v1
kind: ConfigMap
metadata: { name: a }
data:
  all: "${LEVEL} ${DOMAIN} ${DOCKER_ACCOUNT} ${IMAGE_PULL_POLICY:-IfNotPresent} ${VERSION}"
"#;

/// What the ConfigMap says, and what is printed besides.
fn render(words: &[&str], environment: &[(&str, &str)]) -> (String, String) {
    let folder = Folder::new();
    folder.file("infra.toml", TOML).file("base/a.yaml", MANIFEST);
    let mut command = Command::new(env!("CARGO_BIN_EXE_infra"));
    command.args([&["apps", "render"], words].concat()).current_dir(folder.path(""));
    for name in ["DOMAIN", "DOCKER_ACCOUNT", "IMAGE_PULL_POLICY", "LEVEL"] {
        command.env_remove(name);
    }
    let run = command.envs(environment.iter().copied()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let (out, err) = (text(run.stdout), text(run.stderr));
    let line = out.lines().find_map(|line| line.trim().strip_prefix("all: "));
    (line.unwrap_or_else(|| panic!("{out}{err}")).to_owned(), err)
}

#[test]
fn the_environment_gives_what_it_is_allowed_to() {
    let (all, err) = render(&[], &[]);
    assert_eq!(all, "info shop.example.com library IfNotPresent 1.2.3");
    assert_eq!(err, "");

    let team = [
        ("DOMAIN", "team.example.com"),
        ("DOCKER_ACCOUNT", "team"),
        ("IMAGE_PULL_POLICY", "Always"),
        // Not on the list, so it is not taken; and one that is empty is not there.
        ("LEVEL", "debug"),
    ];
    let (all, err) = render(&["-v"], &team);
    assert_eq!(all, "info team.example.com team Always 1.2.3");
    assert_eq!(
        err,
        "variables: DOCKER_ACCOUNT from the environment, DOMAIN from the environment, \
         IMAGE_PULL_POLICY from the environment, LEVEL from infra.toml, VERSION from [apps] version\n"
    );

    let (all, err) = render(
        &["-v", "--set", "DOCKER_ACCOUNT=mine", "--version", "2.0.0"],
        &[("DOCKER_ACCOUNT", "team"), ("DOMAIN", "")],
    );
    assert_eq!(all, "info shop.example.com mine IfNotPresent 2.0.0");
    assert_eq!(
        err,
        "variables: DOCKER_ACCOUNT from --set, DOMAIN from [dns], LEVEL from infra.toml, \
         VERSION from --version\n"
    );
}
