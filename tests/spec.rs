//! What infra.toml may say, and what is said of what it may not.

use std::{fs, path::Path};

use infra::config::{self, Options};
use infra_provider_api::{Role, SizeRequest};
use infra_test_utils::ClusterToml;

#[path = "spec/kubernetes.rs"]
mod kubernetes;

fn good() -> String {
    ClusterToml::new("demo")
        .pinned()
        .control_planes(3)
        .sized_workers(2, "vcpus = 2\nmemory = \"4GiB\"")
        .with(
            "[environments.prod]\nprotected = true\n[environments.prod.pools.worker]\ncount = 5\n",
        )
        .to_string()
}

fn load(text: &str, options: &Options) -> Result<config::Project, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("infra.toml");
    fs::write(&path, text).unwrap();
    config::load(&path, options)
        .map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

fn refusal(from: &str, to: &str) -> String {
    let good = good();
    assert!(good.contains(from), "the text to replace is there");
    load(&good.replacen(from, to, 1), &Options::default()).expect_err("this must be refused")
}

#[test]
fn defaults_and_overlays() {
    let base = load(&good(), &Options::default()).unwrap();
    assert_eq!(base.cluster.pools[0].role, Role::ControlPlane);
    assert_eq!(base.cluster.pools[1].size, SizeRequest::Fit { vcpus: 2, memory_mib: 4096 });
    assert_eq!(base.cluster.pools[1].nodes.len(), 2);
    assert!(!base.cluster.protected);
    assert_eq!(base.certificates.ca_days, 3650);

    let options = Options { environment: Some("prod".into()), ..Options::default() };
    let prod = load(&good(), &options).unwrap();
    assert_eq!(prod.cluster.pools[1].nodes.len(), 5);
    assert!(prod.cluster.protected);
}

#[test]
fn the_quickstart_and_the_starter_are_valid() {
    let quickstart = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/quickstart/infra.toml");
    for environment in [None, Some("test".to_owned()), Some("prod".to_owned())] {
        let options = Options { environment, ..Options::default() };
        let project = config::load(&quickstart, &options).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(project.cluster.nodes().len(), 5);
    }
    let starter = config::STARTER.replace("NAME", "demo");
    load(&starter, &Options::default()).unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn every_key_of_the_quickstart_is_in_the_schema() {
    let schema = config::schema();
    assert_eq!(schema["type"], "object");
    for table in ["cluster", "network", "pools", "dns", "apps", "environments"] {
        assert!(schema["properties"][table].is_object(), "{table}");
    }
}

#[test]
fn an_unknown_key_names_the_near_word() {
    insta::assert_snapshot!(refusal("region = \"fra1\"", "regoin = \"fra1\""));
}

/// Each cloud has settings of its own, also in an overlay; those of a cloud that is not part of the build are
/// not looked at.
#[test]
fn a_setting_that_the_cloud_does_not_have_is_refused_at_its_key() {
    for (cloud, setting) in [
        ("do", "zones = [\"a\"]"),
        ("do", "private = true"),
        ("aws", "cluster_token = { env = \"A\" }"),
        ("gcp", "project = \"shop\""),
    ] {
        if !infra::clouds::names().contains(&cloud) {
            continue;
        }
        let key = setting.split(' ').next().unwrap();
        for table in [format!("providers.{cloud}"), format!("environments.prod.providers.{cloud}")]
        {
            let text = match good().contains(&format!("[{table}]")) {
                true => good().replace(&format!("[{table}]\n"), &format!("[{table}]\n{setting}\n")),
                false => format!("{}\n[{table}]\n{setting}\n", good()),
            };
            let line = text.lines().position(|line| line == setting).unwrap() + 1;
            let refused = load(&text, &Options::default()).unwrap_err();
            assert!(refused.contains(&format!("unknown key `{key}` in [{table}]")), "{refused}");
            assert!(refused.contains(&format!("infra.toml:{line}:1")), "{line}: {refused}");
            assert!(refused.contains("known keys: region, "), "{refused}");
        }
    }
    let typo = format!("{}\n[providers.asw]\nregion = \"eu-central-1\"\n", good());
    let refused = load(&typo, &Options::default()).unwrap_err();
    assert!(refused.contains("did you mean `aws`?"), "{refused}");
}

#[test]
fn a_wrong_type_says_what_is_expected() {
    insta::assert_snapshot!(refusal("count = 3", "count = \"three\""));
}

#[test]
fn what_is_not_toml_has_its_place() {
    insta::assert_snapshot!(refusal("count = 3", "count = = 3"));
}

#[test]
fn an_even_number_of_control_planes() {
    insta::assert_snapshot!(refusal("count = 3", "count = 2"));
}

#[test]
fn ranges_that_overlap() {
    insta::assert_snapshot!(refusal(
        "[providers.do]",
        "[network]\nmachines = \"10.244.0.0/20\"\n\n[providers.do]"
    ));
}

#[test]
fn a_name_that_dns_refuses() {
    insta::assert_snapshot!(refusal(
        "[providers.do]",
        "[dns]\ndomain = \"my_shop.example.com\"\n\n[providers.do]"
    ));
}

#[test]
fn several_findings_come_at_once() {
    let text = good()
        .replace("name = \"demo\"", "name = \"Demo\"")
        .replace("memory = \"4GiB\"", "memory = \"4GB\"")
        .replace("provider = \"do\"", "provider = \"doo\"");
    insta::assert_snapshot!(load(&text, &Options::default()).expect_err("three mistakes"));
}

#[test]
fn an_unknown_environment() {
    let options = Options { environment: Some("prdo".into()), ..Options::default() };
    insta::assert_snapshot!(load(&good(), &options).expect_err("no such environment"));
}

#[test]
fn a_private_key_is_refused_without_being_shown() {
    let text = good().replacen(
        "[providers.do]",
        "[ssh_keys]\nops = \"-----BEGIN OPENSSH PRIVATE KEY----- abc\"\n\n[providers.do]",
        1,
    );
    let error = load(&text, &Options::default()).expect_err("a private key");
    assert!(error.contains("this is a private key"), "{error}");
}

#[test]
fn rules_of_what_is_waited_for() {
    let with = |rules: &str| {
        let apps = format!("[apps]\n{rules}\n[providers.do]");
        load(&good().replacen("[providers.do]", &apps, 1), &Options::default())
    };
    let good = with(
        "[[apps.wait]]\nkind = \"Certificate.cert-manager.io\"\ncondition = \"Ready\"\nfailed = \"Failed\"\n\
         [[apps.wait]]\nkind = \"Boat\"\nfield = \"status.phase\"\nvalues = [\"Afloat\"]\n\
         [[apps.wait]]\nkind = \"Dashboard\"\nskip = true\n",
    );
    assert_eq!(good.unwrap().apps.wait_rules.len(), 3);
    insta::assert_snapshot!(
        with(
            "[[apps.wait]]\nkind = \"boats\"\nskip = true\n\
             [[apps.wait]]\nkind = \"Boat\"\n\
             [[apps.wait]]\nkind = \"Boat\"\ncondition = \"Ready=Yes\"\n\
             [[apps.wait]]\nkind = \"Boat\"\nfield = \"status.phase\"\n\
             [[apps.wait]]\nkind = \"Boat\"\ncondition = \"Ready\"\nskip = true\n",
        )
        .expect_err("five mistakes")
    );
}

#[test]
fn a_variable_that_comes_from_nowhere() {
    let with = |value: &str| {
        let apps = format!("[apps.variables]\nA = {value}\n\n[providers.do]");
        load(&good().replacen("[providers.do]", &apps, 1), &Options::default())
    };
    let given = with("{ env = true, default = \"b\" }").unwrap().apps;
    assert_eq!(given.environment_variables["A"].as_deref(), Some("b"));
    insta::assert_snapshot!("variable_env_false", with("{ env = false }").expect_err("nowhere"));
    insta::assert_snapshot!("variable_unknown_key", with("{ evn = true }").expect_err("a typo"));
    insta::assert_snapshot!("variable_number", with("3").expect_err("a number"));
}

#[test]
fn a_file_of_brackets_is_refused_at_once() {
    let begun = std::time::Instant::now();
    let deep = "[".repeat(60_000);
    let dotted = vec!["a"; 30_000].join(".");
    for text in [format!("a = {deep}"), format!("{dotted} = 1"), format!("[{dotted}]\nb = 1")] {
        let error = load(&text, &Options::default()).expect_err("nothing nests as deeply");
        assert!(
            error.contains("this is not TOML") || error.contains("unknown key"),
            "{error:.300}"
        );
    }
    assert!(begun.elapsed() < std::time::Duration::from_secs(10), "{:?}", begun.elapsed());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,200}") {
        let _ = load(&text, &Options::default());
    }

    #[test]
    fn no_value_makes_the_parser_panic(value in "[-+0-9a-zA-Z.\"\\[\\]{}= ,]{0,40}", line in 0usize..16) {
        let mut lines: Vec<String> = good().lines().map(str::to_owned).collect();
        let at = line.min(lines.len() - 1);
        if let Some((key, _)) = lines[at].clone().split_once('=') {
            lines[at] = format!("{key}= {value}");
        }
        let _ = load(&lines.join("\n"), &Options::default());
    }
}
