//! The addons and the quickstart's two environments, side by side in one cluster.

use std::collections::BTreeMap;

use infra_apps::{DockerSecret, EnvSecret, Suite, SuiteSource, status};
use secrecy::SecretString;

use crate::lab::{Lab, addons, quickstart};

fn environment(name: &str) -> Suite {
    let root = quickstart();
    let text = |s: &str| s.to_owned();
    let source = SuiteSource {
        name: format!("quickstart-{name}"),
        base: root.join("apps/base"),
        overlay: Some(root.join("apps").join(name)),
        variables: [
            (text("ENVIRONMENT"), text(name)),
            (text("DOMAIN"), text("quickstart.example.com")),
            (text("VERSION"), text("0.1.0")),
        ]
        .into(),
        env_secrets: vec![EnvSecret {
            file: root.join(".env"),
            keys: vec![text("REDIS_PASSWORD"), text("API_TOKEN")],
            secret: text("api"),
            ..EnvSecret::default()
        }],
        docker_secrets: vec![DockerSecret {
            file: root.join("docker/config.json"),
            secret: text("registry"),
            ..DockerSecret::default()
        }],
        ..SuiteSource::default()
    };
    Suite::load(&source).unwrap()
}

fn addon(name: &str) -> Suite {
    let all = [
        ("POD_CIDR", "10.244.0.0/16"),
        ("REGION", "fra1"),
        ("CLUSTER_ID", "5a4981aa-9653-4bd1-bef5-d6bff52042e5"),
        ("VPC_ID", "5a4981aa-9653-4bd1-bef5-d6bff52042e4"),
        ("DO_TAG", "infra:5a4981aa"),
        ("MACHINE_ADDRESS", "10.10.0.1"),
        ("NAMESPACES", "test,prod"),
    ];
    let variables: BTreeMap<_, _> =
        all.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    let secrets = [("DO_TOKEN".to_owned(), SecretString::from("dop_v1_example".to_owned()))];
    addons().suite(name, "1.36.4", variables, secrets.into()).unwrap()
}

/// The solvers of cert-manager's issuer, as it is sent, and all that is secret in the suite.
fn solvers(variables: &[(&str, &str)], secrets: &[(&str, &str)]) -> (String, String) {
    let all = [("ACME_EMAIL", "ops@example.com"), ("ACME_SERVER", "https://acme.example.com/dir")];
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    let variables: BTreeMap<_, _> = all.iter().chain(variables).map(own).collect();
    let secret = |pair: &(&str, &str)| (pair.0.to_owned(), SecretString::from(pair.1.to_owned()));
    let secrets = secrets.iter().map(secret).collect();
    let suite = addons().suite("cert-manager", "1.36.4", variables, secrets).unwrap();
    let unused = suite.unused_variables();
    let own = |name: &&String| !name.starts_with("IMAGE_") && *name != "CHALLENGE";
    assert_eq!(unused.iter().find(own), None);
    let named = |kind: &str| {
        let found = suite.objects().iter().find(|one| one.id.kind == kind);
        found.map(|one| one.value.clone()).unwrap_or_default()
    };
    let issuer = &named("ClusterIssuer")["spec"]["acme"]["solvers"];
    (issuer.to_string(), named("Secret")["data"].to_string())
}

#[test]
fn cert_manager_answers_challenges_where_the_cloud_has_its_dns() {
    let (route53, secret) = solvers(
        &[("CHALLENGE", "dns-01-route53"), ("REGION", "eu-central-1"), ("HOSTED_ZONE", "Z01234")],
        &[("DNS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("DNS_SECRET_ACCESS_KEY", "s3cret")],
    );
    for part in [
        "\"hostedZoneID\":\"Z01234\"",
        "\"region\":\"eu-central-1\"",
        "\"accessKeyIDSecretRef\":{\"name\":\"infra-dns\",\"key\":\"access-key-id\"}",
        "\"secretAccessKeySecretRef\":{\"name\":\"infra-dns\",\"key\":\"secret-access-key\"}",
    ] {
        assert!(route53.contains(part), "{part}: {route53}");
    }
    // AKIAEXAMPLE, as Secrets hold it.
    assert!(!route53.contains("AKIA") && secret.contains("QUtJQUVYQU1QTEU="), "{secret}");
    let (digitalocean, _) =
        solvers(&[("CHALLENGE", "dns-01-digitalocean")], &[("DNS_TOKEN", "dop_v1_example")]);
    assert!(digitalocean.contains("tokenSecretRef"), "{digitalocean}");
    assert!(!digitalocean.contains("route53"), "{digitalocean}");
}

#[test]
fn the_quickstart_loads_and_uses_each_variable() {
    for name in ["test", "prod"] {
        let suite = environment(name);
        assert!(suite.unused_variables().is_empty(), "{:?}", suite.unused_variables());
        let count = |kind: &str| suite.objects().iter().filter(|o| o.id.kind == kind).count();
        let counts =
            ["Deployment", "Service", "Ingress", "PersistentVolumeClaim", "Secret"].map(count);
        assert_eq!(counts, [3, 3, 1, 1, 2]);
        let node_ports =
            suite.objects().iter().filter(|o| o.value["spec"]["type"] == "NodePort").count();
        assert_eq!(node_ports, 1);
    }
}

#[test]
fn no_addon_shows_its_token() {
    let suite = addon("digitalocean");
    assert!(!format!("{suite:?}").contains("dop_v1"));
    let folder = tempfile::tempdir().unwrap();
    suite.render_to(folder.path(), infra_apps::Reveal::Masked).unwrap();
    let secret =
        std::fs::read_to_string(folder.path().join("kube-system/secret-digitalocean.yaml"))
            .unwrap();
    assert!(secret.contains("access-token: hmac-sha256:"), "{secret}");
}

#[tokio::test]
async fn all_of_it_gets_ready_and_stays() {
    let lab = Lab::on_cloud().await;
    let suites = [
        addon("cni"),
        addon("digitalocean"),
        addon("traefik"),
        environment("test"),
        environment("prod"),
    ];
    for suite in &suites {
        lab.apply(suite).await;
    }
    for suite in &suites {
        let planned = lab.plan(suite).await;
        assert!(planned.is_empty(), "{planned:#?}");
        let seen = status(&lab.client, suite).await.unwrap();
        assert!(seen.is_ready(), "{seen:#?}");
    }
    let seen = status(&lab.client, &suites[2]).await.unwrap();
    let service = seen.objects.iter().find(|o| o.object.kind == "Service").unwrap();
    assert_eq!(service.addresses, ["192.0.2.10"]);
}
