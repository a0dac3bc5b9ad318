//! What kubelets serve with: certificates of the cluster's authority, which infra approves.

use std::path::PathBuf;

use base64::{Engine, engine::general_purpose::STANDARD};
use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair, SanType};

use super::lab::{Config, Kubectl, Lab, Ran};

const SMALL: Config = Config { control_planes: 1, workers: 1 };
const REQUESTS: &str =
    "jsonpath={range .items[*]}{.spec.username} {.status.conditions[*].type}{\"\\n\"}{end}";

fn on_machine(lab: &Lab, name: &str, path: &str) -> PathBuf {
    let id = lab.machine_id(name).unwrap_or_else(|| panic!("there is no machine {name}"));
    lab.file(&format!(".infra/sim/machines/{id}/root")).join(path)
}

/// The log of kube-proxy on the node `name`, which the API server fetches from its kubelet.
fn log_of(kubectl: &Kubectl, name: &str) -> Ran {
    let on_it = format!("spec.nodeName={name}");
    let pod = ["get", "pods", "--namespace", "kube-system", "--selector", "k8s-app=kube-proxy"];
    let pod = [&pod[..], &["--field-selector", &on_it, "--output", "name"]].concat();
    let pod = kubectl.run(&pod).ok().stdout;
    kubectl.run(&["logs", "--namespace", "kube-system", pod.trim()])
}

/// Asks in the name of the node `name` for a certificate, by `kubectl --as`.
fn ask(lab: &Lab, kubectl: &Kubectl, request: &str, name: &str, node: &str, sans: &[&str]) {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "system:nodes");
    params.distinguished_name.push(DnType::CommonName, format!("system:node:{node}"));
    let san = |san: &&str| match san.parse() {
        Ok(ip) => SanType::IpAddress(ip),
        Err(_) => SanType::DnsName((*san).try_into().unwrap()),
    };
    params.subject_alt_names = sans.iter().map(san).collect();
    let pem = params.serialize_request(&KeyPair::generate().unwrap()).unwrap().pem().unwrap();
    let text = format!(
        "apiVersion: certificates.k8s.io/v1\nkind: CertificateSigningRequest\nmetadata: {{name: {request}}}\n\
         spec:\n  signerName: kubernetes.io/kubelet-serving\n  usages: [digital signature, server auth]\n  \
         request: {}\n  username: system:node:{node}\n",
        STANDARD.encode(pem)
    );
    lab.write("request.yaml", &text);
    let user = format!("system:node:{name}");
    let file = lab.file("request.yaml");
    let create =
        ["create", "-f", file.to_str().unwrap(), "--as", &user, "--as-group", "system:nodes"];
    kubectl.run(&create).ok();
}

fn conditions(kubectl: &Kubectl, request: &str) -> String {
    kubectl
        .run(&["get", "csr", request, "--output", "jsonpath={.status.conditions[*].type}"])
        .ok()
        .stdout
}

#[test]
fn each_kubelet_serves_with_a_certificate_that_infra_approved() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes"]).ok();
    let server =
        on_machine(&lab, "control-plane-1", "etc/kubernetes/manifests/kube-apiserver.yaml");
    let server = std::fs::read_to_string(server).unwrap();
    let flag = "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt";
    assert!(server.contains(flag), "{server}");
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    let certs = lab.run(&["certs"]).ok();
    let certs = certs.says("kubelet/control-plane-1").says("kubelet/worker-1");
    assert!(certs.stdout.contains("system:node:worker-1"), "{certs}");
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };
    for node in ["control-plane-1", "worker-1"] {
        log_of(&kubectl, node).ok().says("kube-proxy");
    }
    // Each asked once or twice: with the address that it has, and with what the cloud's controller told.
    let requests = kubectl.run(&["get", "csr", "--output", REQUESTS]).ok();
    for node in ["control-plane-1", "worker-1"] {
        let approved = format!("system:node:{node} Approved");
        let count = requests.stdout.matches(&approved).count();
        assert!((1..=2).contains(&count), "{requests}");
    }
    assert!(requests.stdout.lines().all(|line| line.contains("Approved")), "{requests}");

    // A node forges requests for another's name, for another's address, and for a name of the cluster's.
    let address = "jsonpath={.status.addresses[?(@.type==\"InternalIP\")].address}";
    let address = kubectl.run(&["get", "node", "control-plane-1", "--output", address]).ok().stdout;
    ask(&lab, &kubectl, "other-node", "worker-1", "control-plane-1", &["control-plane-1"]);
    ask(&lab, &kubectl, "other-address", "worker-1", "worker-1", &["worker-1", &address]);
    ask(&lab, &kubectl, "other-name", "worker-1", "worker-1", &["kubernetes.default.svc"]);
    let plan = lab.run(&["plan"]).ok();
    assert_eq!(plan.changed("~"), ["kubelet_certificate.worker-1"], "{plan}");
    let plan = plan.says("the request other-node of worker-1 will be denied");
    plan.says(&format!("the address {address}, which is not worker-1's"));
    assert_eq!(conditions(&kubectl, "other-node"), "", "a plan decides nothing");
    let ran = lab.run(&["apply", "--yes"]).ok();
    for request in ["other-node", "other-address", "other-name"] {
        assert_eq!(conditions(&kubectl, request), "Denied", "{request}");
        let denied = format!("the request {request} of worker-1 was denied");
        assert!(format!("{}{}", ran.stdout, ran.stderr).contains(&denied), "{ran}");
    }
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    log_of(&kubectl, "worker-1").ok();

    // What was noted is gone, and so are the requests, as after an hour: the kubelet keeps its certificate,
    // and the API server accepts it.
    kubectl.run(&["annotate", "node", "worker-1", "infra.dev/kubelet-certificate-"]).ok();
    kubectl.run(&["delete", "csr", "--all"]).ok();
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["certs"]).ok().says("in use; its end is not known");

    // A node can't approve anything itself.
    ask(&lab, &kubectl, "right", "worker-1", "worker-1", &["worker-1"]);
    let node = ["--as", "system:node:worker-1", "--as-group", "system:nodes"];
    kubectl.run(&[&["certificate", "approve", "right"], &node[..]].concat()).expect(1);
    lab.run(&["apply", "--yes"]).ok();
    assert_eq!(conditions(&kubectl, "right"), "Approved");
    lab.run(&["destroy", "--yes"]).ok();
    lab.inventory().assert_empty();
}

#[test]
fn without_an_approval_a_kubelet_serves_nothing() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes", "--phase", "infra"]).ok();
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };
    super::api_address::until_made(&lab);
    // The machines join by themselves, and nobody approves what their kubelets ask for.
    let mut watched = super::lab::Watched::start(kubectl.command(&["get", "csr", "--watch"]));
    assert!(watched.until_says("system:node:control-plane-1"), "no kubelet asks");
    watched.kill();
    let logs = ["logs", "--namespace", "kube-system", "etcd-control-plane-1"];
    kubectl.run(&logs).expect(1).warns("remote error: tls: internal error");
    let exec = ["exec", "--namespace", "kube-system", "etcd-control-plane-1", "--", "true"];
    kubectl.run(&exec).expect(1).warns("error dialing backend: remote error: tls: internal error");
    lab.run(&["apply", "--yes", "--phase", "bootstrap"]).ok();
    kubectl.run(&logs).ok();
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
}

#[test]
fn a_rotated_node_and_a_replaced_one_have_theirs_in_the_same_run() {
    let lab = Config { control_planes: 1, workers: 2 }.lab();
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["rotate-node", "worker-1", "--yes"]).ok();
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };
    log_of(&kubectl, "worker-1-g2").ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    lab.run(&["apply", "--yes", "--replace", "droplet.worker-2"]).ok();
    log_of(&kubectl, "worker-2").ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    let state = lab.run(&["state", "list"]).ok();
    assert!(state.stdout.contains("kubelet_certificate.worker-1-g2"), "{state}");
    assert!(!state.stdout.contains("kubelet_certificate.worker-1 "), "{state}");
}

#[test]
fn a_cluster_that_was_made_without_keeps_running() {
    let own =
        format!("{}[kubernetes.kubelet]\nserving_certificates = \"self-signed\"\n", SMALL.toml());
    let lab = Lab::with(&own);
    lab.run(&["apply", "--yes"]).ok();
    let server =
        on_machine(&lab, "control-plane-1", "etc/kubernetes/manifests/kube-apiserver.yaml");
    let server = std::fs::read_to_string(server).unwrap();
    assert!(!server.contains("kubelet-certificate-authority"), "{server}");
    lab.run(&["plan", "--detailed-exitcode"]).ok();

    // As after an upgrade of infra: the default is another one now.
    lab.write("infra.toml", &SMALL.toml());
    lab.run(&["plan", "--detailed-exitcode"]).ok().says("serving_certificates = \"self-signed\"");
    lab.write("infra.toml", &Config { control_planes: 1, workers: 2 }.toml());
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
    let Some(kubectl) = Kubectl::of(&lab, "lab") else { return };
    for node in ["control-plane-1", "worker-1", "worker-2"] {
        log_of(&kubectl, node).ok();
    }
    assert_eq!(kubectl.run(&["get", "csr", "--output", REQUESTS]).ok().stdout, "");
}

#[test]
fn a_cluster_that_has_them_does_not_give_them_up() {
    let lab = SMALL.lab();
    lab.run(&["apply", "--yes"]).ok();
    let off = "[kubernetes.kubelet]\nserving_certificates = \"self-signed\"\n";
    lab.write("infra.toml", &format!("{}{off}", SMALL.toml()));
    let refused = lab.run(&["apply", "--yes"]).expect(3).warns("infra.toml:");
    refused.warns("write serving_certificates = \"cluster\"");
    // It also knows without its state.
    std::fs::remove_dir_all(lab.file(".infra/lab")).unwrap();
    lab.run(&["plan"]).expect(3).warns("this cluster's authority signs");
    lab.write("infra.toml", &SMALL.toml());
    lab.run(&["apply", "--yes"]).ok();
    lab.run(&["plan", "--detailed-exitcode"]).ok();
}
