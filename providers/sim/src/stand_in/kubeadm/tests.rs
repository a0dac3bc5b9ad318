//! Strictness of the configuration, and the signature of cluster-info.

use super::discovery::sign;
use super::documents::{parse_init, parse_join};

const INIT: &str = "apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
bootstrapTokens:
- token: abcdef.0123456789abcdef
  ttl: 1h0m0s
nodeRegistration:
  name: control-1
  kubeletExtraArgs:
  - name: cloud-provider
    value: external
localAPIEndpoint:
  bindPort: 6443
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
kubernetesVersion: v1.34.1
controlPlaneEndpoint: api.example.com:6443
apiServer:
  certSANs: [api.example.com, 192.0.2.10]
networking:
  podSubnet: 10.244.0.0/16
---
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
serverTLSBootstrap: true
";

const JOIN: &str = "apiVersion: kubeadm.k8s.io/v1beta4
kind: JoinConfiguration
discovery:
  bootstrapToken:
    token: abcdef.0123456789abcdef
    apiServerEndpoint: api.example.com:6443
    caCertHashes: ['sha256:0000000000000000000000000000000000000000000000000000000000000000']
";

fn refusal(text: &str) -> String {
    let init = text.contains("InitConfiguration") || text.contains("ClusterConfiguration");
    let result = if init { parse_init(text).map(|_| ()) } else { parse_join(text).map(|_| ()) };
    result.expect_err("has to be refused").message
}

#[test]
fn good_documents_are_read_with_defaults() {
    let read = parse_init(INIT).unwrap();
    assert_eq!(read.cluster.networking.service_subnet, "10.96.0.0/12");
    assert_eq!(read.cluster.certificates_dir, "/etc/kubernetes/pki");
    assert_eq!(read.init.node_registration.kubelet_extra_args[0].value, "external");
    assert!(read.kubelet.is_some());
    assert!(parse_join(JOIN).is_ok());
}

#[test]
fn unknown_fields_and_kinds_are_refused_by_name() {
    for (from, to, says) in [
        ("certSANs", "certSans", "certSans"),
        ("bindPort: 6443", "bindport: 6443", "bindport"),
        ("serverTLSBootstrap", "serverTlsBootstrap", "serverTlsBootstrap"),
        ("kind: ClusterConfiguration", "kind: ClusterConfig", "ClusterConfig"),
        ("kubeadm.k8s.io/v1beta4\nkind: Init", "kubeadm.k8s.io/v1beta3\nkind: Init", "v1beta3"),
        ("podSubnet: 10.244.0.0/16", "podSubnet: 10.244.0.0/99", "couldn't parse subnet"),
        ("v1.34.1", "stable", "kubernetesVersion"),
        ("ttl: 1h0m0s", "ttl: 1day", "invalid duration"),
    ] {
        let text = INIT.replace(from, to);
        assert_ne!(text, INIT);
        let message = refusal(&text);
        assert!(message.contains(says), "{says}: {message}");
    }
}

#[test]
fn a_bad_token_is_refused_without_being_shown() {
    let message = refusal(&INIT.replace("0123456789abcdef", "0123456789ABCDEF"));
    assert!(message.contains("bootstrapTokens.token"), "{message}");
    assert!(!message.contains("0123456789ABCDEF"), "{message}");
}

#[test]
fn extra_args_of_older_versions_are_refused() {
    let old = INIT.replace(
        "  - name: cloud-provider\n    value: external\n",
        "    cloud-provider: external\n",
    );
    assert!(refusal(&old).contains("strict decoding error"));
}

#[test]
fn joining_needs_a_pin_and_an_endpoint() {
    let no_pin =
        JOIN.lines().filter(|l| !l.contains("caCertHashes")).collect::<Vec<_>>().join("\n");
    assert!(refusal(&no_pin).contains("caCertHashes"));
    let no_endpoint =
        JOIN.lines().filter(|l| !l.contains("apiServerEndpoint")).collect::<Vec<_>>().join("\n");
    assert!(refusal(&no_endpoint).contains("APIServerEndpoint"));
    assert!(refusal(&JOIN.replace("sha256:00", "sha256:zz")).contains("64 hex digits"));
}

#[test]
fn the_signature_depends_on_the_secret_and_the_text() {
    let one = sign("abcdef", "0123456789abcdef", "text").unwrap();
    assert!(one.contains(".."));
    assert_ne!(one, sign("abcdef", "0123456789abcdee", "text").unwrap());
    assert_ne!(one, sign("abcdef", "0123456789abcdef", "texT").unwrap());
}
