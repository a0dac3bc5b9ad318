//! What `[kubernetes]` may say: safe defaults, and refusals with their place.

use std::fs;

use infra::config::{self, KubernetesConfig, Options};
use infra_provisioning::kubeadm::{DEFAULT_AUDIT_POLICY, PodSecurityLevel};
use infra_test_utils::ClusterToml;

/// Loads the base with more, and with files next to it.
fn load_with(more: &str, files: &[(&str, &str)]) -> Result<KubernetesConfig, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("infra.toml");
    let base = ClusterToml::new("demo").control_planes(3).workers(2);
    fs::write(&path, base.with(more).to_string()).unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    config::load(&path, &Options::default())
        .map(|project| project.kubernetes)
        .map_err(|error| error.to_string().replace(&format!("{}/", folder.path().display()), ""))
}

fn load(more: &str) -> KubernetesConfig {
    load_with(more, &[]).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn refused(more: &str, says: &[&str]) {
    let error = load_with(more, &[]).expect_err("this must be refused");
    for text in says {
        assert!(error.contains(text), "no {text:?} in:\n{error}");
    }
    assert!(error.contains("infra.toml:"), "it has no place:\n{error}");
}

#[test]
fn without_a_word_the_floor_is_there() {
    let config = load("");
    let audit = config.settings.audit.unwrap();
    assert_eq!((audit.max_age, audit.max_backups, audit.max_size), (30, 10, 100));
    assert_eq!(audit.policy, DEFAULT_AUDIT_POLICY);
    let pods = config.settings.pod_security.unwrap();
    assert_eq!(pods.enforce, PodSecurityLevel::Baseline);
    assert_eq!(pods.exempt, ["kube-system"]);
    assert!(config.encrypts && config.settings.oidc.is_none() && config.kubelet.is_empty());
    assert!(config.kubelet_serving && !config.settings.kubelet_serving);
}

#[test]
fn kubelets_may_sign_their_own_certificates() {
    let signed = |by: &str| format!("[kubernetes.kubelet]\nserving_certificates = \"{by}\"\n");
    assert!(load(&signed("cluster")).kubelet_serving);
    let own = load(&signed("self-signed"));
    assert!(!own.kubelet_serving && own.kubelet_serving_source.is_some());
    let error = load_with(&signed("nobody"), &[]).expect_err("nobody signs");
    assert!(error.contains("serving_certificates"), "{error}");
}

#[test]
fn flags_are_texts_switches_and_numbers() {
    let config = load(
        "[kubernetes.api_server]\nargs = { profiling = false, max-requests-inflight = 800 }\n\
         [kubernetes.kubelet.args]\nmax-pods = 60\n\
         [kubernetes.scheduler]\nargs = { v = \"2\" }\n",
    );
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let wanted = [pair("max-requests-inflight", "800"), pair("profiling", "false")];
    assert_eq!(config.settings.api_server, wanted);
    assert_eq!(config.kubelet, [pair("max-pods", "60")]);
    assert_eq!(config.settings.scheduler, [pair("v", "2")]);
}

#[test]
fn flags_that_infra_sets_are_refused_with_their_line_and_what_to_do() {
    let of = |component: &str, arg: &str| format!("[kubernetes.{component}]\nargs = {{ {arg} }}\n");
    for (component, arg, hint) in [
        ("api_server", "etcd-servers = \"http://x\"", "remove it"),
        ("api_server", "client-ca-file = \"/x\"", "remove it"),
        ("api_server", "service-cluster-ip-range = \"10.0.0.0/8\"", "[network]"),
        ("api_server", "cloud-provider = \"external\"", "only kubelets have it"),
        ("api_server", "audit-policy-file = \"/x\"", "[kubernetes.audit]"),
        ("api_server", "oidc-issuer-url = \"https://x\"", "[kubernetes.oidc]"),
        ("api_server", "encryption-provider-config = \"/x\"", "[kubernetes.encryption]"),
        ("api_server", "anonymous-auth = false", "machines join by it"),
        ("controller_manager", "cluster-signing-key-file = \"/x\"", "remove it"),
        ("controller_manager", "cluster-cidr = \"10.0.0.0/8\"", "[network]"),
        ("scheduler", "leader-elect = false", "remove it"),
        ("kubelet", "node-labels = \"a=b\"", "[pools.<name>]"),
        ("kubelet", "cloud-provider = \"aws\"", "remove it"),
        ("kubelet", "rotate-server-certificates = true", "serving_certificates"),
        ("api_server", "kubelet-certificate-authority = \"/x\"", "serving_certificates"),
    ] {
        let name = arg.split(' ').next().unwrap();
        let message = format!("`{name}` is not yours to set");
        refused(&of(component, arg), &[&message, hint, "infra.toml:18"]);
    }
    refused(&of("api_server", "\"--v\" = 2"), &["written with dashes", "write v ="]);
    refused(&of("api_server", "maxRequests = 2"), &["not the name of a flag"]);
    refused(&of("api_server", "v = \"2\\n3\""), &["line break"]);
    refused(&of("api_server", "v = [1]"), &["must be"]);
    refused(
        &of("api_server", "enable-admission-plugins = \"AlwaysPullImages\""),
        &["leaves out NodeRestriction", "\"NodeRestriction,AlwaysPullImages\""],
    );
    refused(
        &of("api_server", "disable-admission-plugins = \"PodSecurity\""),
        &["switches off PodSecurity", "enforce = \"privileged\""],
    );
    load(&of("api_server", "enable-admission-plugins = \"NodeRestriction,AlwaysPullImages\""));
    refused("[kubernetes]\napiserver = {}\n", &["did you mean `api_server`"]);
}

#[test]
fn the_audit_log_has_bounds_and_its_policy_is_read() {
    assert!(load("[kubernetes.audit]\nenabled = false\n").settings.audit.is_none());
    let own = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n";
    let text =
        "[kubernetes.audit]\npolicy = \"audit.yaml\"\nmax_age = \"1w\"\nmax_size = \"1GiB\"\n";
    let audit = load_with(text, &[("audit.yaml", own)]).unwrap().settings.audit.unwrap();
    assert_eq!((audit.policy.as_str(), audit.max_age, audit.max_size), (own, 7, 1024));
    for (bad, says) in [
        (own.replace("Policy", "Policies"), "not a Policy"),
        (own.replace("Metadata", "All"), "the level of rule 1"),
        (own.replace("\n- level: Metadata", " []"), "it has no rules"),
        ("a: [b".to_owned(), "not YAML"),
    ] {
        let error = load_with(text, &[("audit.yaml", &bad)]).unwrap_err();
        assert!(error.contains(says) && error.contains("infra.toml:18"), "{error}");
    }
    refused(text, &["`audit.yaml` can't be the audit policy", "No such file"]);
    refused("[kubernetes.audit]\nmax_backups = 0\n", &["from 1 to 1000"]);
    refused("[kubernetes.audit]\nmax_age = \"12h\"\n", &["whole days"]);
    refused("[kubernetes.audit]\nmax_size = \"5GiB\"\n", &["at most 4GiB"]);
}

#[test]
fn a_provider_of_logins_can_name_nobody_of_kubernetes() {
    let oidc = |more: &str| {
        format!(
            "[kubernetes.oidc]\nissuer = \"https://login.example.com\"\nclient_id = \"lab\"\n{more}"
        )
    };
    let read = load(&oidc("groups_claim = \"groups\"\n")).settings.oidc.unwrap();
    assert_eq!((read.username_claim.as_str(), read.username_prefix.as_str()), ("sub", "oidc:"));
    assert_eq!(
        (read.groups_claim.as_deref(), read.groups_prefix.as_str()),
        (Some("groups"), "oidc:")
    );
    for prefix in ["", "system:", "kubeadm:"] {
        for key in ["username_prefix", "groups_prefix"] {
            refused(
                &oidc(&format!("{key} = \"{prefix}\"\n")),
                &["name users or groups of Kubernetes"],
            );
        }
    }
    for (issuer, says) in [
        ("http://login.example.com", "begin with https://"),
        ("login.example.com", "not a URL"),
        ("https://a:b@login.example.com", "name or password"),
        ("https://login.example.com/?tenant=1", "query"),
    ] {
        let text = oidc("").replace("https://login.example.com", issuer);
        refused(&text, &["can't be an issuer", says]);
    }
    refused("[kubernetes.oidc]\nissuer = \"https://x.example\"\n", &["`client_id` is missing"]);
    refused(&oidc("ca = \"absent.pem\"\n"), &["`absent.pem` can't be the provider's authority"]);
    let error = load_with(&oidc("ca = \"ca.pem\"\n"), &[("ca.pem", "no certificate")]).unwrap_err();
    assert!(error.contains("`ca.pem` can't be the provider's authority"), "{error}");
}

#[test]
fn pod_security_has_three_levels() {
    let text =
        "[kubernetes.pod_security]\nenforce = \"restricted\"\nexempt_namespaces = [\"logs\"]\n";
    let pods = load(text).settings.pod_security.unwrap();
    assert_eq!(pods.enforce, PodSecurityLevel::Restricted);
    assert_eq!(pods.exempt, ["kube-system", "logs"]);
    refused(&text.replace("restricted", "basline"), &["did you mean \"baseline\""]);
    refused(&text.replace("\"logs\"", "\"Logs\""), &["`Logs` is not the name of a namespace"]);
}
